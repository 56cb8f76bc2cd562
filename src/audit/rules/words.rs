//! What findings are written with: names for people, quoted names for statements, numbers and sizes.

use super::Subjects;
use crate::Dialect;
use crate::audit::finding::Subject;
use crate::audit::schema::{ForeignKey, Index, Keyed, Method, Schema, Table};

/// A table's name as a person writes it: with its schema where that is not `public`.
pub(super) fn table(schema: &Schema, table: &Table) -> String {
    format!("`{}`", plain(schema.dialect, &table.schema, &table.name))
}

/// A name as a person writes it, without backquotes.
pub(super) fn plain(dialect: Dialect, schema: &str, name: &str) -> String {
    match dialect {
        Dialect::Postgres if schema != "public" && !schema.is_empty() => format!("{schema}.{name}"),
        Dialect::Postgres | Dialect::Sqlite => name.to_owned(),
    }
}

/// `` `a`, `b` ``
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// ``foreign key `x` of `orders` (`a`, `b`) to `customers` (`c`, `d`)``, without its article.
pub(super) fn foreign_key(schema: &Schema, of: &Table, foreign_key: &ForeignKey) -> String {
    let name = foreign_key.name.as_ref().map(|name| format!("`{name}` ")).unwrap_or_default();
    let columns = list(foreign_key.columns.iter().map(|column| &*column.column));
    let parent = plain(schema.dialect, &foreign_key.parent_schema, &foreign_key.parent);
    let theirs: Vec<_> = foreign_key.columns.iter().map(|column| &*column.parent_column).collect();
    let theirs = if theirs.contains(&"") { String::new() } else { format!(" ({})", list(theirs)) };
    format!("foreign key {name}of {} ({columns}) to `{parent}`{theirs}", table(schema, of))
}

/// An index as a sentence has it.
pub(super) fn index(of: &Index) -> String {
    match of.method {
        Method::Rowid => "the table's own tree, by rowid,".to_owned(),
        Method::Primary => "the table's own tree, by its primary key,".to_owned(),
        _ => format!("`{}`", of.name),
    }
}

/// An index's keys as a sentence has them: ``(`a`, `b` DESC)``.
pub(super) fn keys(of: &Index) -> String {
    let keys = of.keys.iter().map(|key| {
        let (Keyed::Column(what) | Keyed::Expression(what)) = &key.what;
        format!("`{what}`{}", if key.descending { " DESC" } else { "" })
    });
    let included = of.included.iter().map(|column| format!("`{column}`"));
    let included = included.collect::<Vec<_>>().join(", ");
    let keys = keys.collect::<Vec<_>>().join(", ");
    if included.is_empty() { format!("({keys})") } else { format!("({keys}) with ({included})") }
}

/// The columns among an index's keys.
pub(super) fn key_columns(of: &Index) -> Vec<String> {
    let column = |key: &Keyed| match key {
        Keyed::Column(column) => Some(column.clone()),
        Keyed::Expression(_) => None,
    };
    of.keys.iter().filter_map(|key| column(&key.what)).collect()
}

/// A name in a schema, as statements have it.
pub(super) fn quoted(dialect: Dialect, schema: &str, name: &str) -> String {
    let name = dialect.quote_identifier(name);
    match dialect {
        Dialect::Postgres => format!("{}.{name}", dialect.quote_identifier(schema)),
        Dialect::Sqlite => name,
    }
}

/// `CONCURRENTLY ` where indexes of that table can be made and dropped so.
pub(super) fn concurrently(dialect: Dialect, table: &Table) -> &'static str {
    match dialect {
        Dialect::Postgres if !table.partitioned => "CONCURRENTLY ",
        Dialect::Postgres | Dialect::Sqlite => "",
    }
}

/// A name that nothing in the schema has: the one wanted, with a number after it where that is taken, and cut to the 63
/// bytes that PostgreSQL keeps of a name.
pub(super) fn free_name(schema: &Schema, of: &str, wanted: &str) -> String {
    const LONGEST: usize = 63;
    let cut = |room: usize| &wanted[..wanted.floor_char_boundary(room)];
    let taken = schema.taken.get(of);
    let free = |name: &String| {
        !taken.is_some_and(|taken| match schema.dialect {
            Dialect::Postgres => taken.contains(name),
            Dialect::Sqlite => taken.iter().any(|other| other.eq_ignore_ascii_case(name)),
        })
    };
    let numbered = (2_u64..).map(|number| {
        let suffix = format!("_{number}");
        format!("{}{suffix}", cut(LONGEST - suffix.len()))
    });
    std::iter::once(cut(LONGEST).to_owned()).chain(numbered).find(free).expect("numbers don't end")
}

/// The statement that gives a column of PostgreSQL's another type: where the column comes from, for a partition.
pub(super) fn alter_type(subjects: &Subjects<'_>, table: usize, column: &str, to: &str) -> String {
    let root = subjects.places.ancestors(table).last().unwrap_or(table);
    let root = &subjects.schema.tables[root];
    let dialect = subjects.schema.dialect;
    let column = dialect.quote_identifier(column);
    format!("ALTER TABLE {} ALTER COLUMN {column} TYPE {to};", quoted(dialect, &root.schema, &root.name))
}

/// The statement that drops an index.
pub(super) fn drop_index(schema: &Schema, table: &Table, index: &Index) -> String {
    let concurrently = concurrently(schema.dialect, table);
    format!("DROP INDEX {concurrently}{};", quoted(schema.dialect, &table.schema, &index.name))
}

/// The size of an index and of those attached to it, in brackets and with a space before it; nothing where nobody knows.
pub(super) fn size(subjects: &Subjects<'_>, table: &Table, index: &Index) -> String {
    subjects.bytes(table, index).map(|size| format!(" ({})", bytes(size))).unwrap_or_default()
}

/// What a finding about a table is about.
pub(super) fn subject(table: &Table, columns: Vec<String>, object: Option<&str>) -> Subject {
    let object = object.filter(|name| !name.is_empty()).map(str::to_owned);
    Subject { schema: table.schema.clone(), table: table.name.clone(), columns, object }
}

/// What a finding about an index is about.
pub(super) fn subject_of_index(table: &Table, index: &Index) -> Subject {
    subject(table, key_columns(index), Some(&index.name))
}

/// What a finding about a foreign key is about.
pub(super) fn subject_of_foreign_key(table: &Table, foreign_key: &ForeignKey) -> Subject {
    let columns = foreign_key.columns.iter().map(|column| column.column.clone()).collect();
    subject(table, columns, foreign_key.name.as_deref())
}

/// -1234567 → -1,234,567.
pub(super) fn number(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", crate::words::thousands(number.unsigned_abs()))
}

/// A size: 1536 → 1.5 KiB.
pub(super) fn bytes(bytes: u64) -> String {
    crate::words::size(bytes, "bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::testing::{foreign_key as fk, table as new};

    #[test]
    fn numbers_and_sizes_are_readable() {
        assert_eq!(number(-2_147_483_648), "-2,147,483,648");
        assert_eq!(number(999), "999");
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(3 << 40), "3.0 TiB");
    }

    #[test]
    fn names_in_statements_survive_quotes_and_schemas() {
        assert_eq!(quoted(Dialect::Postgres, "a b", "c\"d"), "\"a b\".\"c\"\"d\"");
        assert_eq!(quoted(Dialect::Sqlite, "main", "order"), "\"order\"");
        assert_eq!(plain(Dialect::Postgres, "public", "t"), "t");
        assert_eq!(plain(Dialect::Postgres, "app", "t"), "app.t");
    }

    #[test]
    fn a_foreign_key_is_told_by_its_tables_and_columns() {
        let child = new("c").foreign_key(fk(&["a", "b"], "p", &["x", "y"]).named("c_fk"));
        let schema = crate::audit::rules::testing::schema(Dialect::Postgres, [child]);
        let table = &schema.tables[0];
        let words = foreign_key(&schema, table, &table.foreign_keys[0]);
        assert_eq!(words, "foreign key `c_fk` of `c` (`a`, `b`) to `p` (`x`, `y`)");
    }
}
