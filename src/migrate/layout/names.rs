//! File names, without a look inside: which layout's migration a name is, if any.

/// What a file's name makes of it; digits and names as they stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// `V1__name.sql`, `V1__name.down.sql`, with a name as refinery takes it.
    Versioned { digits: String, name: String, down: bool },
    /// `V1__some name.sql`: a description that Flyway takes and refinery doesn't.
    Described { digits: String, name: String },
    /// `U1__name.sql`.
    Undo { digits: String, name: String },
    /// `1_name.up.sql`, `1_name.down.sql`.
    Reversible { digits: String, name: String, down: bool },
    /// `1_name.sql`; what it is, its text tells.
    Single { digits: String, name: String },
    /// A file in a folder `2024-01-01-000000_name/`.
    Diesel { version: String, name: String, part: DieselPart },
}

/// What a file in a folder of Diesel's is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DieselPart {
    Up,
    Down,
    Metadata,
}

/// Why a name is none that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It ends in `.sql` and fits no layout.
    FitsNone,
    /// Something else than SQL.
    NeedsProgram(&'static str),
    /// A thing of Flyway's.
    NotSupported(&'static str),
}

/// What the file `name` is; `None` for one that is no migration and may lie there.
pub(super) fn classify(name: &str) -> Result<Option<Form>, Refusal> {
    if is_ignored(name) {
        return Ok(None);
    }
    let Some((stem, extension)) = name.rsplit_once('.') else { return Ok(None) };
    match extension {
        "sql" => classify_stem(stem).map(Some),
        "conf" if stem.ends_with(".sql") => Err(Refusal::NotSupported("script configuration files of Flyway")),
        _ if extension.eq_ignore_ascii_case("sql") => Err(Refusal::FitsNone),
        _ => match program(extension) {
            // Go's own tests lie beside its migrations
            Some(_) if stem.ends_with("_test") => Ok(None),
            Some(program) if begins_like_migration(stem) => Err(Refusal::NeedsProgram(program)),
            _ => Ok(None),
        },
    }
}

/// Hidden files, and what editors and merges leave behind.
pub(super) fn is_ignored(name: &str) -> bool {
    const LEFTOVERS: [&str; 8] = ["~", ".swp", ".swo", ".bak", ".orig", ".rej", ".tmp", "#"];
    name.starts_with('.') || name.starts_with('#') || LEFTOVERS.iter().any(|end| name.ends_with(end))
}

/// The version and the name of a folder that Diesel would take: all before the first `_`, without dashes
/// (`version_from_string` in diesel's migrations_internals).
pub(super) fn diesel_folder(name: &str) -> Option<(String, String)> {
    let (version, name) = name.split_once('_')?;
    let begins = version.starts_with(|c: char| c.is_ascii_digit());
    (begins && !name.is_empty()).then(|| (version.replace('-', ""), name.to_owned()))
}

/// Whether the folder's files of this name are Diesel's.
pub(super) fn diesel_part(file: &str) -> Option<DieselPart> {
    match file {
        "up.sql" => Some(DieselPart::Up),
        "down.sql" => Some(DieselPart::Down),
        "metadata.toml" => Some(DieselPart::Metadata),
        _ => None,
    }
}

/// Whether every character is one that refinery's `\w` takes, and there is one.
pub(super) fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_word_character)
}

/// `name` with `_` for each character that refinery's `\w` doesn't take.
pub(super) fn to_word(name: &str) -> String {
    name.chars().map(|c| if is_word_character(c) { c } else { '_' }).collect()
}

fn is_word_character(c: char) -> bool {
    // outside ASCII, refinery itself is asked: its `\w` is Unicode's, which the standard library has no name for
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || c == '_'
    } else {
        refinery_core::Migration::unapplied(&format!("V1__{c}"), "").is_ok()
    }
}

fn classify_stem(stem: &str) -> Result<Form, Refusal> {
    match stem.as_bytes().first() {
        Some(b'V' | b'U' | b'B' | b'R') => prefixed(stem),
        Some(first) if first.is_ascii_digit() => numbered(stem),
        _ if is_callback(stem) => Err(Refusal::NotSupported("callbacks of Flyway")),
        _ => Err(Refusal::FitsNone),
    }
}

/// `V1__name`, `U1__name` and Flyway's other prefixes.
fn prefixed(stem: &str) -> Result<Form, Refusal> {
    let (prefix, rest) = stem.split_at(1);
    let (version, name) = rest.split_once("__").ok_or(Refusal::FitsNone)?;
    let down = name.strip_suffix(".down");
    let name = down.unwrap_or(name);
    let dotted = version.starts_with(|c: char| c.is_ascii_digit())
        && version.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '_');
    if prefix == "R" && version.is_empty() {
        return Err(Refusal::NotSupported("repeatable migrations of Flyway"));
    }
    if !dotted || name.is_empty() || prefix == "R" {
        return Err(Refusal::FitsNone);
    }
    if prefix == "B" {
        return Err(Refusal::NotSupported("baseline migrations of Flyway"));
    }
    if version.contains(['.', '_']) {
        return Err(Refusal::NotSupported("dotted versions of Flyway"));
    }
    let (digits, name) = (version.to_owned(), name.to_owned());
    match (prefix, down.is_some()) {
        ("U", false) => Ok(Form::Undo { digits, name }),
        ("V", down) if is_word(&name) => Ok(Form::Versioned { digits, name, down }),
        ("V", false) => Ok(Form::Described { digits, name }),
        _ => Err(Refusal::FitsNone),
    }
}

/// `1_name`, `1_name.up`, `1_name.down`.
fn numbered(stem: &str) -> Result<Form, Refusal> {
    let length = stem.len() - stem.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (digits, rest) = stem.split_at(length);
    let name = rest.strip_prefix('_').ok_or(Refusal::FitsNone)?;
    let (name, down) = match (name.strip_suffix(".up"), name.strip_suffix(".down")) {
        (Some(name), _) => (name, Some(false)),
        (_, Some(name)) => (name, Some(true)),
        _ => (name, None),
    };
    if name.is_empty() {
        return Err(Refusal::FitsNone);
    }
    let (digits, name) = (digits.to_owned(), name.to_owned());
    Ok(match down {
        Some(down) => Form::Reversible { digits, name, down },
        None => Form::Single { digits, name },
    })
}

/// Flyway's SQL callbacks: an event, then perhaps `__` and a description.
fn is_callback(stem: &str) -> bool {
    let event = stem.split("__").next().unwrap_or(stem);
    let after = event.strip_prefix("before").or_else(|| event.strip_prefix("after"));
    event == "createSchema" || after.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// What runs a migration with this extension.
fn program(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "rs" => "Rust (a migration of refinery's)",
        "go" => "Go (a migration of goose's)",
        "java" | "kt" => "Java (a migration of Flyway's)",
        "tmpl" | "gotmpl" => "Go's templates",
        "j2" | "jinja" | "jinja2" => "Jinja",
        "erb" | "rb" => "Ruby",
        "py" => "Python",
        "js" | "mjs" | "cjs" | "ts" => "Node.js",
        "sh" => "a shell",
        "php" => "PHP",
        "exs" => "Elixir",
        _ => return None,
    })
}

fn begins_like_migration(stem: &str) -> bool {
    let rest = stem.strip_prefix(['V', 'U', 'B', 'R']);
    let digits = rest.unwrap_or(stem).trim_start_matches(|c: char| c.is_ascii_digit());
    match rest {
        Some(rest) => (digits.len() < rest.len() || stem.starts_with('R')) && rest.contains("__"),
        None => digits.len() < stem.len() && digits.starts_with('_'),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_tell_the_form() {
        let form = |name: &str| match classify(name) {
            Ok(Some(form)) => format!("{form:?}"),
            Ok(None) => "ignored".to_owned(),
            Err(refusal) => format!("{refusal:?}"),
        };
        let names = "V1__a.sql V001__ünï_1.sql V1__a.down.sql V1___a.sql V1__a-b.sql V1__a-b.down.sql V1__a.b.sql U1__a.sql V1.1__a.sql \
            V1_1__a.sql V1__.sql V__a.sql V1_a.sql v1__a.sql R__a.sql R1__a.sql B1__a.sql afterMigrate.sql \
            beforeEachMigrate__x.sql before.sql 1_a.sql 001_a-b.up.sql 1_a.down.sql 1_.sql 1-a.sql 1.sql a.sql V1__a.SQL \
            V1__a.sql.conf V1__a.rs mod.rs 00002_x.go 00002_x_test.go main.go 1_a.sql.tmpl V1__a.py R__a.java R__x.sh \
            README.md .V1__a.sql V1__a.sql~ V1__a.sql.bak #1_a.sql# atlas.sum Makefile schema.rs";
        let table: Vec<String> = names.split_whitespace().map(|name| format!("{name}: {}", form(name))).collect();
        insta::assert_snapshot!(table.join("\n"), @r#"
        V1__a.sql: Versioned { digits: "1", name: "a", down: false }
        V001__ünï_1.sql: Versioned { digits: "001", name: "ünï_1", down: false }
        V1__a.down.sql: Versioned { digits: "1", name: "a", down: true }
        V1___a.sql: Versioned { digits: "1", name: "_a", down: false }
        V1__a-b.sql: Described { digits: "1", name: "a-b" }
        V1__a-b.down.sql: FitsNone
        V1__a.b.sql: Described { digits: "1", name: "a.b" }
        U1__a.sql: Undo { digits: "1", name: "a" }
        V1.1__a.sql: NotSupported("dotted versions of Flyway")
        V1_1__a.sql: NotSupported("dotted versions of Flyway")
        V1__.sql: FitsNone
        V__a.sql: FitsNone
        V1_a.sql: FitsNone
        v1__a.sql: FitsNone
        R__a.sql: NotSupported("repeatable migrations of Flyway")
        R1__a.sql: FitsNone
        B1__a.sql: NotSupported("baseline migrations of Flyway")
        afterMigrate.sql: NotSupported("callbacks of Flyway")
        beforeEachMigrate__x.sql: NotSupported("callbacks of Flyway")
        before.sql: FitsNone
        1_a.sql: Single { digits: "1", name: "a" }
        001_a-b.up.sql: Reversible { digits: "001", name: "a-b", down: false }
        1_a.down.sql: Reversible { digits: "1", name: "a", down: true }
        1_.sql: FitsNone
        1-a.sql: FitsNone
        1.sql: FitsNone
        a.sql: FitsNone
        V1__a.SQL: FitsNone
        V1__a.sql.conf: NotSupported("script configuration files of Flyway")
        V1__a.rs: NeedsProgram("Rust (a migration of refinery's)")
        mod.rs: ignored
        00002_x.go: NeedsProgram("Go (a migration of goose's)")
        00002_x_test.go: ignored
        main.go: ignored
        1_a.sql.tmpl: NeedsProgram("Go's templates")
        V1__a.py: NeedsProgram("Python")
        R__a.java: NeedsProgram("Java (a migration of Flyway's)")
        R__x.sh: NeedsProgram("a shell")
        README.md: ignored
        .V1__a.sql: ignored
        V1__a.sql~: ignored
        V1__a.sql.bak: ignored
        #1_a.sql#: ignored
        atlas.sum: ignored
        Makefile: ignored
        schema.rs: ignored
        "#);
    }

    #[test]
    fn words_are_refinerys() {
        assert!(is_word("größe_2") && !is_word("a-b") && !is_word("") && !is_word("a²"));
        assert_eq!(to_word("Add a-b.c é²"), "Add_a_b_c_é_");
    }

    #[test]
    fn diesel_folders_have_digits_and_a_name() {
        let of = |name: &str| diesel_folder(name);
        assert_eq!(of("2024-01-02-030405_add_x"), Some(("20240102030405".to_owned(), "add_x".to_owned())));
        assert_eq!(of("00000000000000_diesel_initial_setup").unwrap().0, "00000000000000");
        assert_eq!((of("seeds_x"), of("2024"), of("1_")), (None, None, None));
    }
}
