//! The files of each starter, taken into the program; a test compares this list with `templates/starters/`.

/// A starter's files, by path within its folder.
type Files = &'static [(&'static str, &'static str)];

/// The starter of that name with these files.
macro_rules! starter {
    ($name:literal: $($path:literal),+ $(,)?) => {
        (
            $name,
            &[$(($path, include_str!(concat!("../../templates/starters/", $name, "/", $path)))),+] as Files,
        )
    };
}

/// All of them, by name.
pub(super) const STARTERS: &[(&str, Files)] = &[
    starter!(
        "agent-platform":
        "README.md",
        "import.yaml",
        "migrations/postgres/V1__create_agent_platform.down.sql",
        "migrations/postgres/V1__create_agent_platform.sql",
        "migrations/postgres/V2__protect_rows.down.sql",
        "migrations/postgres/V2__protect_rows.sql",
        "migrations/sqlite/V1__create_agent_platform.down.sql",
        "migrations/sqlite/V1__create_agent_platform.sql",
        "migrations/sqlite/V2__protect_rows.down.sql",
        "migrations/sqlite/V2__protect_rows.sql",
        "retention.yaml",
        "starter.yaml",
    ),
    starter!(
        "agent-state":
        "README.md",
        "import.yaml",
        "migrations/postgres/V1__create_agent_state.down.sql",
        "migrations/postgres/V1__create_agent_state.sql",
        "migrations/sqlite/V1__create_agent_state.down.sql",
        "migrations/sqlite/V1__create_agent_state.sql",
        "retention.yaml",
        "starter.yaml",
    ),
    starter!(
        "config-validation":
        "README.md",
        "import.yaml",
        "migrations/postgres/V1__create_config_validation.down.sql",
        "migrations/postgres/V1__create_config_validation.sql",
        "migrations/sqlite/V1__create_config_validation.down.sql",
        "migrations/sqlite/V1__create_config_validation.sql",
        "retention.yaml",
        "starter.yaml",
    ),
    starter!(
        "validation-sessions":
        "README.md",
        "import.yaml",
        "migrations/postgres/V1__create_validation_sessions.down.sql",
        "migrations/postgres/V1__create_validation_sessions.sql",
        "migrations/postgres/V2__soft_delete.down.sql",
        "migrations/postgres/V2__soft_delete.sql",
        "migrations/sqlite/V1__create_validation_sessions.down.sql",
        "migrations/sqlite/V1__create_validation_sessions.sql",
        "migrations/sqlite/V2__soft_delete.down.sql",
        "migrations/sqlite/V2__soft_delete.sql",
        "retention.yaml",
        "starter.yaml",
    ),
];
