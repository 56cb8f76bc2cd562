//! Names for tables and columns out of what files and keys are called: plain, short enough, and none twice.

/// PostgreSQL cuts names at 63 bytes; some are left for what makes a name unique.
const LONGEST: usize = 55;

/// Words that SQL has a use for in either database, so that a name that is one needs quotes everywhere; and names of columns
/// that PostgreSQL keeps for itself.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "between",
    "both",
    "by",
    "case",
    "cast",
    "check",
    "cmax",
    "cmin",
    "collate",
    "column",
    "constraint",
    "create",
    "cross",
    "ctid",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "delete",
    "desc",
    "distinct",
    "do",
    "drop",
    "else",
    "end",
    "escape",
    "except",
    "exists",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "full",
    "glob",
    "grant",
    "group",
    "having",
    "in",
    "index",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "oid",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "primary",
    "references",
    "returning",
    "right",
    "rowid",
    "select",
    "session_user",
    "set",
    "some",
    "table",
    "tableoid",
    "then",
    "to",
    "trailing",
    "transaction",
    "true",
    "union",
    "unique",
    "update",
    "user",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
    "xmax",
    "xmin",
];

/// The name as lower-case letters, digits and `_`: `userId` is `user_id`, `Größe (cm)` `gr_e_cm`.
pub(super) fn plain(name: &str) -> String {
    let mut out = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) && !out.ends_with('_') {
            out.push('_');
        }
        match c {
            c if c.is_ascii_alphanumeric() => out.push(c.to_ascii_lowercase()),
            _ if out.is_empty() || out.ends_with('_') => {}
            _ => out.push('_'),
        }
        before = c;
    }
    out.truncate(LONGEST);
    out.trim_end_matches('_').to_owned()
}

/// A name for a table or column: `plain`, or `fallback` if nothing of the name is left.
pub(super) fn safe(name: &str, fallback: &str) -> String {
    let name = plain(name);
    match name.as_str() {
        "" => fallback.to_owned(),
        name if RESERVED.contains(&name) => format!("{name}_"),
        name if name.starts_with(|c: char| c.is_ascii_digit()) => format!("{}_{name}", &fallback[..1]),
        // what either database or Liftlock itself keeps its own tables under
        name if ["sqlite_", "pg_", "liftlock_"].iter().any(|prefix| name.starts_with(prefix)) => {
            format!("{}_{name}", &fallback[..1])
        }
        "schema_migrations" | "refinery_schema_history" => format!("{name}_"),
        name => name.to_owned(),
    }
}

/// The name, or with a number after it the first that is not taken.
pub(super) fn unique(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2_u32..).map(|number| format!("{name}_{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_safe() {
        for (name, expected) in [
            ("userId", "user_id"),
            ("HTTPServer", "httpserver"),
            ("Größe (cm)", "gr_e_cm"),
            ("order", "order_"),
            ("2024", "c_2024"),
            ("", "column"),
            ("日本", "column"),
            ("core.config_entries", "core_config_entries"),
            ("sqlite_x", "c_sqlite_x"),
            ("a'; drop table b; --", "a_drop_table_b"),
        ] {
            assert_eq!(safe(name, "column"), expected, "{name}");
        }
        assert!(safe(&"x".repeat(500), "column").len() < 60);
        assert_eq!(unique("a", |name| ["a", "a_2"].contains(&name)), "a_3");
    }
}
