//! That SQLite enforces foreign keys only where a connection asks for it.

use super::{Rule, Subjects};
use crate::Dialect;
use crate::audit::finding::{Finding, Remedy, Severity, Subject};

pub(super) const RULE: Rule = Rule {
    name: "foreign-keys-off",
    summary: "That SQLite enforces a database's foreign keys only on connections that ask for it.",
    severity: Severity::Note,
    on: true,
    check,
};

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let count = subjects.foreign_keys().count();
    if subjects.schema.dialect != Dialect::Sqlite || count == 0 {
        return Vec::new();
    }
    let keys = if count == 1 { "foreign key".to_owned() } else { format!("{count} foreign keys") };
    vec![Finding {
        rule: RULE.name,
        severity: Severity::Note,
        subject: Subject { schema: "main".to_owned(), ..Subject::default() },
        message: format!(
            "SQLite enforces this database's {keys} only on connections that have set `foreign_keys` to on."
        ),
        explanation:
            "The setting is the connection's and is kept nowhere in the database, so that it can't be audited. As \
                      SQLite is usually built it is off at first: whatever such a connection deletes or inserts is not \
                      checked, and rows may point nowhere ever after."
                .to_owned(),
        remedy: Remedy::Advice(
            "Run `PRAGMA foreign_keys = on` first on every connection that writes, outside a transaction; \
             `PRAGMA foreign_key_check` lists the rows that point nowhere today."
                .to_owned(),
        ),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::testing::{foreign_key, found, schema, table};

    #[test]
    fn one_note_for_a_database_however_many_foreign_keys_it_has() {
        let child = |name| table(name).integer("p_id").foreign_key(foreign_key(&["p_id"], "p", &["id"]));
        let with = |dialect| schema(dialect, [child("a"), child("b"), table("p").rowid("id")]);
        let findings = found(&RULE, &with(Dialect::Sqlite));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("2 foreign keys"), "{}", findings[0].message);
        assert_eq!(findings[0].subject.table, "");
        assert!(found(&RULE, &with(Dialect::Postgres)).is_empty());
        assert!(found(&RULE, &schema(Dialect::Sqlite, [table("p").rowid("id")])).is_empty());
    }
}
