//! Random small schemas on PostgreSQL: our verdicts against the planner's. A difference prints the schema's SQL.
//!
//! `LIFTLOCK_FUZZ_CASES` sets the number of schemas.

use liftlock::audit::read::Wanted;
use postgres::Client;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::corpus_postgres::{definitions, differences, read_all};
use super::planner_postgres;
use crate::support::TestDatabase;

/// Types of a parent's key and a child's column that PostgreSQL lets refer to each other.
const TYPES: &[(&str, &str)] = &[
    ("int4", "int4"),
    ("int4", "int2"),
    ("int2", "int4"),
    ("int8", "int4"),
    ("int4", "int8"),
    ("int8", "int2"),
    ("int4", "whole"),
    ("whole", "int4"),
    ("whole", "whole"),
    ("numeric", "numeric(10,2)"),
    ("numeric", "int4"),
    ("numeric(8,0)", "int8"),
    ("numeric", "whole"),
    ("numeric", "numeric"),
    ("float8", "float4"),
    ("float8", "int4"),
    ("float8", "numeric"),
    ("oid", "oid"),
    ("oid", "int4"),
    ("oid", "int8"),
    ("text", "text"),
    ("text", "varchar(10)"),
    ("text", "char(8)"),
    ("text", "name"),
    ("text", "word"),
    ("text", "cword"),
    ("cword", "text"),
    ("cword", "cword"),
    ("varchar(20)", "text"),
    ("varchar(20)", "varchar(5)"),
    ("varchar(20)", "char(4)"),
    ("char(6)", "char(6)"),
    ("char(6)", "char(9)"),
    ("char(6)", "varchar(6)"),
    ("char(6)", "text"),
    ("name", "name"),
    ("name", "text"),
    ("name", "varchar(9)"),
    ("word", "text"),
    ("word", "word"),
    ("date", "date"),
    ("timestamp", "date"),
    ("date", "timestamp"),
    ("timestamptz", "timestamp"),
    ("timestamptz", "date"),
    ("uuid", "uuid"),
    ("mood", "mood"),
    ("boolean", "boolean"),
    ("bytea", "bytea"),
    ("interval", "interval"),
    ("interval", "time"),
    ("inet", "inet"),
    ("inet", "cidr"),
    ("int4[]", "int4[]"),
    ("text[]", "text[]"),
    ("int4range", "int4range"),
    ("pair", "pair"),
    ("varbit", "bit(4)"),
    ("jsonb", "jsonb"),
];

/// Those with citext, where the server has it.
const CITEXT: &[(&str, &str)] = &[("citext", "citext"), ("text", "citext"), ("varchar(10)", "citext")];

/// Whether a type has collations.
fn collatable(name: &str) -> bool {
    ["text", "varchar", "char", "name", "word", "cword", "citext"].iter().any(|begin| name.starts_with(begin))
}

/// Operator classes that a key may name; most fit few columns, and an index that can't be made is left out.
const CLASSES: &[&str] = &[
    "text_pattern_ops",
    "varchar_pattern_ops",
    "bpchar_pattern_ops",
    "text_ops",
    "varchar_ops",
    "bpchar_ops",
    "name_ops",
    "int4_ops",
    "oid_ops",
    "record_image_ops",
    "record_ops",
    "inet_ops",
    "array_ops",
    "jsonb_path_ops",
    "jsonb_ops",
    "range_ops",
    "int4_minmax_ops",
    "int4_bloom_ops",
    "int4_minmax_multi_ops",
    "text_bloom_ops",
    "inet_inclusion_ops",
    "gist_int4_ops",
    "network_ops",
    "citext_pattern_ops",
    "quad_point_ops",
];

const METHODS: &[&str] =
    &["btree", "btree", "btree", "btree", "btree", "btree", "hash", "gist", "spgist", "gin", "brin", "bloom"];

const COLLATIONS: &[&str] = &["\"C\"", "\"POSIX\"", "\"en-x-icu\"", "public.ci", "\"default\""];

/// Types of a parent's key and a child's column, and the collation of each.
type Pair = ((&'static str, &'static str), Option<&'static str>, Option<&'static str>);

#[derive(Debug, Clone)]
struct Random {
    /// Types, and collations of both sides.
    columns: Vec<Pair>,
    /// The parent's key has its columns in another order.
    turned: bool,
    partitioned: bool,
    /// The first partition has its columns in another order.
    other_order: bool,
    indexes: Vec<RandomIndex>,
}

#[derive(Debug, Clone)]
struct RandomIndex {
    method: &'static str,
    unique: bool,
    keys: Vec<RandomKey>,
    include: Option<usize>,
    predicate: Option<RandomPredicate>,
    /// On which table, where there are several.
    on: usize,
}

#[derive(Debug, Clone)]
struct RandomKey {
    /// Below 6 a column of the foreign key (as there are any), then what else there is.
    what: usize,
    class: Option<&'static str>,
    collation: Option<&'static str>,
    order: &'static str,
    /// A cast to the parent's type, its operator's type, or another one.
    cast: usize,
}

#[derive(Debug, Clone)]
enum RandomPredicate {
    NotNull(usize),
    Null(usize),
    Flag,
    True,
    False,
    Larger,
    One,
    /// A column, cast to one of [`PREDICATE_CASTS`].
    Cast(usize, usize),
    /// A row of a column and something else, NULL or not.
    Row(usize, usize, bool),
    /// A comparison with a constant, or a question after its truth.
    Truth(Box<RandomPredicate>, &'static str),
    Not(Box<RandomPredicate>),
    And(Box<RandomPredicate>, Box<RandomPredicate>),
    Or(Box<RandomPredicate>, Box<RandomPredicate>),
}

/// What a column is cast to in a WHERE clause, where that can be.
const PREDICATE_CASTS: &[&str] = &["text", "varchar", "whole", "positive", "word", "varchar(3)"];

/// What is asked of a truth.
const TRUTHS: &[&str] = &["= true", "= false", "<> true", "<> false", "IS TRUE", "IS NOT FALSE", "IS NOT UNKNOWN"];

fn predicates() -> impl Strategy<Value = RandomPredicate> {
    let leaf = prop_oneof![
        6 => (0_usize..5).prop_map(RandomPredicate::NotNull),
        3 => (0_usize..5).prop_map(RandomPredicate::Null),
        1 => Just(RandomPredicate::Flag),
        1 => Just(RandomPredicate::True),
        1 => Just(RandomPredicate::False),
        1 => Just(RandomPredicate::Larger),
        1 => Just(RandomPredicate::One),
        3 => (0_usize..5, 0..PREDICATE_CASTS.len()).prop_map(|(at, to)| RandomPredicate::Cast(at, to)),
        2 => (0_usize..5, 0_usize..6, any::<bool>()).prop_map(|(at, with, not)| RandomPredicate::Row(at, with, not)),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| RandomPredicate::Not(Box::new(one))),
            (inner.clone(), select(TRUTHS)).prop_map(|(one, truth)| RandomPredicate::Truth(Box::new(one), truth)),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| RandomPredicate::And(one.into(), other.into())),
            (inner.clone(), inner).prop_map(|(one, other)| RandomPredicate::Or(one.into(), other.into())),
        ]
    })
}

fn schemas(citext: bool) -> impl Strategy<Value = Random> {
    let mut types: Vec<_> = TYPES.to_vec();
    if citext {
        types.extend(CITEXT);
    }
    let collation = || prop::option::weighted(0.25, select(COLLATIONS));
    let key = (
        0_usize..10,
        prop::option::weighted(0.2, select(CLASSES)),
        prop::option::weighted(0.15, select(COLLATIONS)),
        select(&["", "", "", " DESC", " DESC NULLS LAST", " NULLS FIRST"][..]),
        0_usize..12,
    )
        .prop_map(|(what, class, collation, order, cast)| RandomKey { what, class, collation, order, cast });
    let index = (
        select(METHODS),
        prop::bool::weighted(0.25),
        prop::collection::vec(key, 1..5),
        prop::option::weighted(0.15, 0_usize..5),
        prop::option::weighted(0.3, predicates()),
        0_usize..4,
    )
        .prop_map(|(method, unique, keys, include, predicate, on)| RandomIndex {
            method,
            unique,
            keys,
            include,
            predicate,
            on,
        });
    (
        prop::collection::vec((select(types), collation(), collation()), 1..4),
        any::<bool>(),
        prop::bool::weighted(0.3),
        any::<bool>(),
        prop::collection::vec(index, 1..7),
    )
        .prop_map(|(columns, turned, partitioned, other_order, indexes)| Random {
            columns,
            turned,
            partitioned,
            other_order,
            indexes,
        })
}

/// Names that have to be quoted, one of them.
const NAMES: [&str; 3] = ["a", "\"B col\"", "c_id"];

impl RandomPredicate {
    fn sql(&self, columns: usize) -> String {
        let column = |at: &usize| if *at < columns { NAMES[*at] } else { ["x", "s"][at % 2] };
        match self {
            Self::NotNull(at) => format!("{} IS NOT NULL", column(at)),
            Self::Null(at) => format!("{} IS NULL", column(at)),
            Self::Flag => "flag".to_owned(),
            Self::True => "true".to_owned(),
            Self::False => "false".to_owned(),
            Self::Larger => "x > 5".to_owned(),
            Self::One => "1 = 1".to_owned(),
            Self::Cast(at, to) => format!("{}::{} IS NOT NULL", column(at), PREDICATE_CASTS[*to]),
            Self::Row(at, with, not) => {
                let with = match with {
                    0 => "NULL".to_owned(),
                    1 => "1".to_owned(),
                    at => column(&(at - 2)).to_owned(),
                };
                format!("ROW({}, {with}) IS {}NULL", column(at), if *not { "NOT " } else { "" })
            }
            Self::Truth(one, truth) => format!("({}) {truth}", one.sql(columns)),
            Self::Not(one) => format!("NOT ({})", one.sql(columns)),
            Self::And(one, other) => format!("({}) AND ({})", one.sql(columns), other.sql(columns)),
            Self::Or(one, other) => format!("({}) OR ({})", one.sql(columns), other.sql(columns)),
        }
    }
}

impl Random {
    /// What makes the tables.
    fn tables(&self) -> String {
        let collate = |named: &str, collation: Option<&str>| match collation.filter(|_| collatable(named)) {
            Some(name) => format!("{named} COLLATE {name}"),
            None => named.to_owned(),
        };
        let each = |side: &dyn Fn(usize) -> String| (0..self.columns.len()).map(side).collect::<Vec<_>>().join(", ");
        let parents = each(&|at| format!("p{at} {}", collate(self.columns[at].0.0, self.columns[at].1)));
        let mut children: Vec<String> = (0..self.columns.len())
            .map(|at| format!("{} {}", NAMES[at], collate(self.columns[at].0.1, self.columns[at].2)))
            .collect();
        children.extend(["x int", "s text", "flag boolean"].map(str::to_owned));
        let mut keys: Vec<String> = (0..self.columns.len()).map(|at| format!("p{at}")).collect();
        let references = keys.join(", ");
        if self.turned {
            keys.reverse();
        }
        let (names, keys) = (each(&|at| NAMES[at].to_owned()), keys.join(", "));
        let by = if self.partitioned { " PARTITION BY RANGE (x)" } else { "" };
        let mut sql = format!(
            "CREATE TABLE p (id int, {parents}, UNIQUE ({keys}));\nCREATE TABLE c ({}){by};\n",
            children.join(", ")
        );
        if self.partitioned {
            if self.other_order {
                children.reverse();
            }
            sql.push_str(&format!(
                "CREATE TABLE c1 (gone int, {});\nALTER TABLE c1 DROP COLUMN gone;\n\
                 ALTER TABLE c ATTACH PARTITION c1 FOR VALUES FROM (0) TO (10);\n\
                 CREATE TABLE c2 PARTITION OF c FOR VALUES FROM (10) TO (20);\n",
                children.join(", ")
            ));
        }
        sql + &format!("ALTER TABLE c ADD FOREIGN KEY ({names}) REFERENCES p ({references});\n")
    }

    /// What makes each index, as far as it can be made.
    fn indexes(&self) -> Vec<String> {
        self.indexes.iter().map(|index| self.index(index)).collect()
    }

    fn index(&self, index: &RandomIndex) -> String {
        let mut cast_columns = Vec::new();
        let mut plain_columns = Vec::new();
        let keys: Vec<String> = index
            .keys
            .iter()
            .map(|key| {
                let mut named = ["text", "int4"][usize::from(matches!(key.what, 6 | 9))];
                let mut what = match key.what {
                    6 => "x".to_owned(),
                    7 => "s".to_owned(),
                    8 => "lower(s)".to_owned(),
                    9 => "(x + 1)".to_owned(),
                    at => NAMES[at % self.columns.len()].to_owned(),
                };
                if key.what < 6 {
                    let at = key.what % self.columns.len();
                    named = self.columns[at].0.1;
                    let to = match key.cast {
                        0 => Some(self.columns[at].0.0.split('(').next().unwrap_or_default()),
                        1 => Some("text"),
                        2 => Some("numeric"),
                        3 => Some("varchar"),
                        4 => Some("whole"),
                        5 => Some("positive"),
                        6 => Some("word"),
                        _ => None,
                    };
                    // the judge tells keys apart by their columns, so each is there once
                    if let Some(to) = to.filter(|_| !plain_columns.contains(&at) && !cast_columns.contains(&at)) {
                        let to = if to == "char" { "bpchar" } else { to };
                        what = format!("(({what})::{to})");
                        named = to;
                        cast_columns.push(at);
                    } else if cast_columns.contains(&at) || plain_columns.contains(&at) {
                        what = "x".to_owned();
                    } else {
                        plain_columns.push(at);
                    }
                }
                let collation = key.collation.filter(|_| collatable(named));
                let collation = collation.map(|name| format!(" COLLATE {name}")).unwrap_or_default();
                let class = key.class.map(|name| format!(" {name}")).unwrap_or_default();
                let order = if index.method == "btree" { key.order } else { "" };
                format!("{what}{collation}{class}{order}")
            })
            .collect();
        let keys = if matches!(index.method, "hash" | "spgist") { &keys[..1] } else { &keys[..] };
        let unique = if index.unique && index.method == "btree" { "UNIQUE " } else { "" };
        let on = match (self.partitioned, index.on) {
            (true, 1) => "c1",
            (true, 2) => "c2",
            (true, 3) => "ONLY c",
            _ => "c",
        };
        let include = index.include.filter(|_| matches!(index.method, "btree" | "gist" | "spgist"));
        let include = include.map(|at| if at < self.columns.len() { NAMES[at] } else { "flag" });
        let include = include.map(|name| format!(" INCLUDE ({name})")).unwrap_or_default();
        let predicate = index.predicate.as_ref().map(|predicate| predicate.sql(self.columns.len()));
        let predicate = predicate.map(|sql| format!(" WHERE {sql}")).unwrap_or_default();
        format!("CREATE {unique}INDEX ON {on} USING {} ({}){include}{predicate}", index.method, keys.join(", "))
    }
}

/// Types and operator classes for all schemas of a database; whether there is citext.
fn prepare(client: &mut Client) -> bool {
    client
        .batch_execute(
            "CREATE COLLATION public.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
             CREATE DOMAIN public.whole AS int; CREATE DOMAIN public.positive AS int CHECK (value > 0);
             CREATE DOMAIN public.word AS varchar(12);
             CREATE DOMAIN public.cword AS text COLLATE \"C\";
             CREATE TYPE public.mood AS ENUM ('fine', 'not'); CREATE DOMAIN public.moody AS public.mood;
             CREATE TYPE public.pair AS (one int, two text);",
        )
        .unwrap();
    for extension in ["btree_gist", "btree_gin", "bloom", "citext"] {
        if client.batch_execute(&format!("CREATE EXTENSION {extension}")).is_err() {
            eprintln!("without the extension {extension}, which the server does not have");
        }
    }
    !client.query("SELECT FROM pg_extension WHERE extname = 'citext'", &[]).unwrap().is_empty()
}

#[test]
fn random_schemas_are_judged_as_the_planner_judges() {
    let cases = std::env::var("LIFTLOCK_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(60);
    let database = TestDatabase::postgres();
    let client = std::cell::RefCell::new(database.client());
    let citext = prepare(&mut client.borrow_mut());
    let (mut nth, mut keys, mut made, mut unmade) = (0_u32, 0_u32, 0_u32, 0_u32);
    let counts = std::cell::RefCell::new((&mut nth, &mut keys, &mut made, &mut unmade));
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(&schemas(citext), |random| {
        let (client, mut counts) = (&mut *client.borrow_mut(), counts.borrow_mut());
        *counts.0 += 1;
        let schema = format!("fuzz{}", counts.0);
        client.batch_execute(&format!("CREATE SCHEMA {schema}; SET search_path = {schema}, public")).unwrap();
        let mut sql = random.tables();
        // types that can't refer to each other make no foreign key, and there is nothing to compare
        let refers = client.batch_execute(&sql).is_ok();
        *counts.1 += u32::from(refers);
        let mut found = Vec::new();
        if refers {
            for index in random.indexes() {
                match client.batch_execute(&index) {
                    Ok(()) => {
                        *counts.2 += 1;
                        sql.push_str(&format!("{index};\n"));
                    }
                    Err(_) => *counts.3 += 1,
                }
            }
            let wanted = Wanted { statistics: false, uses: false, schemas: vec![schema.clone()] };
            let (read, _) = read_all(&database.url, &wanted);
            let planned = planner_postgres::plan(client, &schema);
            found = differences(&read, &planned);
            // an expression's collation, and its operator class where the index stores another type, are always
            // written: another text, the same index
            let plain = |line: &String| {
                let expression = ["::", "lower(", "(x + 1)"].iter().any(|part| line.contains(part));
                !expression || line.contains("USING btree") && !line.contains("COLLATE") && !line.contains("name_ops")
            };
            found.extend(definitions(client, &read).into_iter().filter(plain));
        }
        client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).unwrap();
        match found.is_empty() {
            true => Ok(()),
            false => Err(TestCaseError::fail(format!("{}\n{sql}", found.join("\n")))),
        }
    });
    eprintln!("{nth} schemas, {keys} foreign keys, {made} indexes, {unmade} that can't be made");
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(keys * 2 > cases && made > cases, "too little was compared: {keys} foreign keys, {made} indexes");
}
