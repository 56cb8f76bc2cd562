//! The files of each starter, taken into the program; a test compares this list with `templates/starters/`.

/// A starter's files, by path within its folder.
type Files = &'static [(&'static str, &'static str)];

/// The starter of that name with these files.
macro_rules! starter {
    ($name:literal: $($path:literal),+ $(,)? $(; migrations of the repository: $($migration:literal),+ $(,)?)?) => {
        (
            $name,
            &[
                $(($path, include_str!(concat!("../../templates/starters/", $name, "/", $path))),)+
                $($((concat!("migrations/", $migration), include_str!(concat!("../../migrations/", $migration)))),+)?
            ] as Files,
        )
    };
}

/// All of them, by name.
pub(super) const STARTERS: &[(&str, Files)] = &[
    starter!(
        "agent-memory":
        "README.md",
        "import.yaml",
        "retention.yaml",
        "starter.yaml";
        migrations of the repository:
        "V2__add_foreign_key_indexes.down.sql",
        "V2__add_foreign_key_indexes.sql",
        "postgres/V1__create_agent_memory.down.sql",
        "postgres/V1__create_agent_memory.sql",
        "postgres/V3__search_agents.down.sql",
        "postgres/V3__search_agents.sql",
        "sqlite/V1__create_agent_memory.down.sql",
        "sqlite/V1__create_agent_memory.sql",
        "sqlite/V3__search_agents.down.sql",
        "sqlite/V3__search_agents.sql",
    ),
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
