//! Names: what a new index is called, and how names stand in SQL.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_64;

use crate::Dialect;
use crate::audit::schema::{Schema, Table};

/// The most bytes of a name: PostgreSQL cuts longer ones (`NAMEDATALEN` - 1); SQLite has no limit, and gets the same.
const LONGEST: usize = 63;

/// Words that PostgreSQL can't take for a name everywhere: all that `pg_get_keywords()` does not call unreserved in 15,
/// and what 16 (`json_…`, `system_user`) and 17 (`json_…`, `merge_action`) have added.
const POSTGRES_KEYWORDS: &str = "all analyse analyze and any array as asc asymmetric authorization between bigint \
    binary bit boolean both case cast char character check coalesce collate collation column concurrently constraint \
    create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user \
    dec decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign freeze \
    from full grant greatest group grouping having ilike in initially inner inout int integer intersect interval into \
    is isnull join json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar \
    json_serialize json_table json_value lateral leading least left like limit localtime localtimestamp merge_action \
    national natural nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps \
    overlay placing position precision primary real references returning right row select session_user setof similar \
    smallint some substring symmetric system_user table tablesample then time timestamp to trailing treat trim true \
    union unique user using values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement \
    xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable";

static KEYWORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| POSTGRES_KEYWORDS.split_ascii_whitespace().collect());

/// `name` as it stands in SQL: quoted where it has to be.
pub(super) fn quote(dialect: Dialect, name: &str) -> String {
    let plain =
        |first: fn(char) -> bool| name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit());
    let bare = match dialect {
        // unquoted, PostgreSQL makes it lower-case
        Dialect::Postgres => plain(|c| c.is_ascii_lowercase() || c == '_') && !KEYWORDS.contains(name),
        Dialect::Sqlite => {
            plain(|c| c.is_ascii_alphabetic() || c == '_')
                && (name.len() < 2 || sqlite3_parser::dialect::keyword_token(name.as_bytes()).is_none())
        }
    };
    if bare { name.to_owned() } else { dialect.quote_identifier(name) }
}

/// A table's or an index's name as it stands in SQL. SQLite's schema is always the one that a migration runs in.
pub(super) fn qualified(dialect: Dialect, schema: &str, name: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("{}.{}", quote(dialect, schema), quote(dialect, name)),
        Dialect::Sqlite => quote(dialect, name),
    }
}

/// The names that are taken, those given to new indexes among them.
pub(super) struct Names<'a> {
    dialect: Dialect,
    taken: HashMap<Cow<'a, str>, HashSet<Cow<'a, str>>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        let mut names = Self { dialect: schema.dialect, taken: HashMap::new() };
        for (schema, taken) in &schema.taken {
            names.add_all(schema, taken.iter().map(String::as_str));
        }
        for tables in schema.tables.chunk_by(|one, other| one.schema == other.schema) {
            let names_of =
                |table: &'a Table| std::iter::once(&*table.name).chain(table.indexes.iter().map(|index| &*index.name));
            names.add_all(&tables[0].schema, tables.iter().flat_map(names_of));
        }
        names
    }

    fn add_all(&mut self, schema: &'a str, names: impl Iterator<Item = &'a str>) {
        let taken = self.taken.entry(Cow::Borrowed(schema)).or_default();
        taken.extend(names.map(|name| folded(self.dialect, Cow::Borrowed(name))));
    }

    /// Whether the name was free; it is taken from now on.
    fn add(&mut self, schema: &str, name: &str) -> bool {
        let name = folded(self.dialect, Cow::Owned(name.to_owned()));
        match self.taken.get_mut(schema) {
            Some(taken) => taken.insert(name),
            None => self.taken.entry(Cow::Owned(schema.to_owned())).or_default().insert(name),
        }
    }

    /// A name for an index of `table` that nothing else has: `idx_<table>_<columns>`, cut where it is too long.
    pub(super) fn give<'b>(&mut self, schema: &str, table: &str, columns: impl Iterator<Item = &'b str>) -> String {
        let mut whole = format!("idx_{table}");
        for column in columns {
            whole.push('_');
            whole.push_str(column);
        }
        let name = cut(&whole, "");
        if self.add(schema, &name) {
            return name;
        }
        let mut number = 2_u64;
        loop {
            let name = cut(&whole, &format!("_{number}"));
            if self.add(schema, &name) {
                return name;
            }
            number += 1;
        }
    }
}

/// A name as the database compares it: SQLite folds ASCII alone.
fn folded(dialect: Dialect, name: Cow<'_, str>) -> Cow<'_, str> {
    if dialect == Dialect::Sqlite && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        name
    }
}

/// `whole` with `suffix`, at most [`LONGEST`] bytes: where it is longer it is cut, and ends in a hash of the whole, so
/// that names which begin alike stay apart.
fn cut(whole: &str, suffix: &str) -> String {
    if whole.len() + suffix.len() <= LONGEST {
        return format!("{whole}{suffix}");
    }
    let hash = format!("_{:08x}", xxh3_64(whole.as_bytes()) & 0xffff_ffff);
    let room = whole.floor_char_boundary(LONGEST - hash.len() - suffix.len());
    format!("{}{hash}{suffix}", whole[..room].trim_end_matches('_'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::audit::schema::Version;

    fn schema(dialect: Dialect, taken: &[&str]) -> Schema {
        let taken = taken.iter().map(|name| (*name).to_owned()).collect();
        Schema {
            dialect,
            version: Version::default(),
            tables: Vec::new(),
            families: BTreeMap::new(),
            taken: BTreeMap::from([("s".to_owned(), taken)]),
        }
    }

    #[test]
    fn names_are_quoted_where_they_have_to_be() {
        let both = |name: &str| Dialect::ALL.map(|dialect| quote(dialect, name));
        assert_eq!(both("a_1"), ["a_1", "a_1"]);
        assert_eq!(both("Order"), ["\"Order\"", "\"Order\""]);
        assert_eq!(both("Users"), ["Users", "\"Users\""]);
        assert_eq!(both("user"), ["user", "\"user\""]);
        assert_eq!(both("1a"), ["\"1a\"", "\"1a\""]);
        assert_eq!(both("a$"), ["\"a$\"", "\"a$\""]);
        assert_eq!(both("ä"), ["\"ä\"", "\"ä\""]);
        assert_eq!(both(""), ["\"\"", "\"\""]);
        assert_eq!(both("a\"b"), ["\"a\"\"b\"", "\"a\"\"b\""]);
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let schema = schema(Dialect::Postgres, &["idx_t_a", "idx_t_a_2", "IDX_T_B"]);
        let mut names = Names::new(&schema);
        assert_eq!(names.give("s", "t", ["a"].into_iter()), "idx_t_a_3");
        assert_eq!(names.give("s", "t", ["a"].into_iter()), "idx_t_a_4");
        assert_eq!(names.give("s", "t", ["b"].into_iter()), "idx_t_b");
        assert_eq!(names.give("other", "t", ["a"].into_iter()), "idx_t_a");
        // `t_a` with `b`, and `t` with `a_b`
        assert_eq!(names.give("s", "t_a", ["b"].into_iter()), "idx_t_a_b");
        assert_eq!(names.give("s", "t", ["a", "b"].into_iter()), "idx_t_a_b_2");
    }

    #[test]
    fn sqlite_takes_names_for_the_same_whatever_their_case() {
        let schema = schema(Dialect::Sqlite, &["IDX_T_A", "idx_t_ä"]);
        let mut names = Names::new(&schema);
        assert_eq!(names.give("s", "t", ["a"].into_iter()), "idx_t_a_2");
        // but only of ASCII letters
        assert_eq!(names.give("s", "t", ["Ä"].into_iter()), "idx_t_Ä");
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let long = "x".repeat(60);
        let schema = schema(Dialect::Postgres, &[]);
        let mut names = Names::new(&schema);
        let mut given = BTreeSet::new();
        for column in ["a", "b", "a", "a"] {
            let name = names.give("s", &long, [column].into_iter());
            assert!(name.len() <= LONGEST && name.starts_with("idx_xxx"), "{name}");
            assert!(given.insert(name.clone()), "{name}");
        }
        // 63 bytes are not too many, and the hash is the same for ever
        let exactly = "y".repeat(57);
        assert_eq!(names.give("s", &exactly, ["a"].into_iter()), format!("idx_{exactly}_a"));
        insta::assert_snapshot!(cut(&format!("idx_{long}_a"), "_2"), @r"idx_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx_9a662856_2");
    }

    #[test]
    fn a_cut_falls_between_characters() {
        let schema = schema(Dialect::Postgres, &[]);
        let mut names = Names::new(&schema);
        for length in 28..34 {
            let name = names.give("s", &"é".repeat(length), ["ключ"].into_iter());
            assert!(name.len() <= LONGEST, "{name}");
        }
        let emoji = names.give("s", "t", [&"🚢".repeat(15) as &str].into_iter());
        assert!(emoji.len() <= LONGEST && emoji.len() > LONGEST - 4, "{emoji}");
    }
}
