//! Whether the databases' own planners use an index when a parent's row goes.

use std::collections::BTreeSet;

use liftlock::audit::fix::PlannedIndex;
use postgres::SimpleQueryMessage;
use serde_json::Value;

use super::leaves;
use crate::support::{Kind, TestDatabase};

/// Fails where a planned index is not what the foreign keys that it is for are searched by.
pub(super) fn uses(database: &TestDatabase, planned: &PlannedIndex) {
    match database.kind {
        Kind::Sqlite => in_sqlite(database, planned),
        Kind::Postgres => in_postgres(database, planned),
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether the index is for the foreign key over these columns to that parent, as it stands in SQL.
fn is_for(planned: &PlannedIndex, columns: &[&str], parent: &str) -> bool {
    let keys: Vec<String> = planned.index.keys.iter().map(|key| key.column.to_lowercase()).collect();
    let columns: BTreeSet<String> = columns.iter().map(|column| column.to_lowercase()).collect();
    let leads = keys.len() >= columns.len() && keys[..columns.len()].iter().all(|key| columns.contains(key));
    leads && planned.serves.iter().any(|words| words.ends_with(&format!(" references {parent}")))
}

fn in_sqlite(database: &TestDatabase, planned: &PlannedIndex) {
    let connection = database.rusqlite();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    let foreign_keys = database.query(&format!(
        "SELECT id, \"table\", group_concat(lower(\"from\"), char(31)) FROM pragma_foreign_key_list({}) GROUP BY id",
        literal(&planned.index.table)
    ));
    let mut served = 0;
    for row in foreign_keys {
        let mut cells = row.splitn(3, '|').skip(1);
        let (parent, columns) = (cells.next().unwrap(), cells.next().unwrap());
        let columns: Vec<&str> = columns.split('\u{1f}').collect();
        let quoted = format!("\"{}\"", parent.replace('"', "\"\""));
        if !is_for(planned, &columns, parent) && !is_for(planned, &columns, &quoted) {
            continue;
        }
        served += 1;
        let exists =
            format!("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = {} COLLATE NOCASE", literal(parent));
        if database.query(&exists).is_empty() {
            continue;
        }
        let sql = format!("EXPLAIN QUERY PLAN DELETE FROM {quoted}");
        let mut statement = connection.prepare(&sql).unwrap();
        let plan: Vec<String> = statement.query_map([], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
        let searched = plan.iter().any(|line| {
            line.starts_with("SEARCH ")
                && line.contains(&format!("INDEX {} (", planned.name()))
                && line.matches("=?").count() == columns.len()
        });
        assert!(searched, "{} of {}: {plan:?}", planned.name(), planned.index.table);
    }
    assert!(served > 0, "{planned:?} serves nothing");
}

/// The query by which a foreign key's rows are looked for, as `ri_triggers.c` writes it.
const QUERIES: &str = "
SELECT format(
    'PREPARE q(%s) AS SELECT 1 FROM %s%s x WHERE %s FOR KEY SHARE OF x',
    string_agg(format_type(p.atttypid, NULL), ', ' ORDER BY at),
    CASE r.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END,
    k.conrelid::regclass,
    string_agg(
        format(
            '$%s%s OPERATOR(%I.%s) x.%I%s%s', at,
            CASE WHEN o.oprleft <> p.atttypid AND l.typtype <> 'p' THEN '::' || format_type(o.oprleft, NULL) END,
            o.oprnamespace::regnamespace::text, o.oprname, c.attname,
            CASE WHEN o.oprright <> c.atttypid AND t.typtype <> 'p' THEN '::' || format_type(o.oprright, NULL) END,
            CASE WHEN p.attcollation <> c.attcollation AND NOT y.collisdeterministic
                 THEN format(' COLLATE %I.%I', y.collnamespace::regnamespace::text, y.collname) END
        ), ' AND ' ORDER BY at
    )
), string_agg(c.attname, chr(31)), format('%I.%I', f.relnamespace::regnamespace::text, f.relname)
FROM pg_constraint k
JOIN pg_class r ON r.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid,
    unnest(k.conkey, k.confkey, k.conpfeqop) WITH ORDINALITY AS u (child, parent, operator, at),
    pg_attribute c, pg_operator o, pg_type l, pg_type t, pg_attribute p
LEFT JOIN pg_collation y ON y.oid = p.attcollation
WHERE k.contype = 'f' AND k.conparentid = 0 AND r.relname = TABLE AND r.relnamespace::regnamespace = quote_ident(SCHEMA)::regnamespace
AND c.attrelid = k.conrelid AND c.attnum = child AND p.attrelid = k.confrelid AND p.attnum = parent
AND o.oid = operator AND l.oid = o.oprleft AND t.oid = o.oprright
GROUP BY k.oid, k.conrelid, r.relkind, f.relnamespace, f.relname";

fn in_postgres(database: &TestDatabase, planned: &PlannedIndex) {
    let queries =
        QUERIES.replace("TABLE", &literal(&planned.index.table)).replace("SCHEMA", &literal(&planned.index.schema));
    let mut client = database.client();
    let queries: Vec<(String, usize)> = client
        .simple_query(&queries)
        .unwrap()
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let columns: Vec<&str> = row.get(1).unwrap().split('\u{1f}').collect();
                let served = is_for(planned, &columns, row.get(2).unwrap());
                served.then(|| (row.get(0).unwrap().to_owned(), columns.len()))
            }
            _ => None,
        })
        .collect();
    assert!(!queries.is_empty(), "{planned:?} serves nothing");
    let leaves: BTreeSet<&str> = leaves(&planned.on).iter().map(|leaf| leaf.name.as_str()).collect();
    let names: Vec<String> = leaves.iter().map(|name| literal(name)).collect();
    for (query, columns) in queries {
        // every other index of those tables is out of the planner's sight
        let hide = format!(
            "BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_partition_pruning = off; SET LOCAL plan_cache_mode = force_generic_plan; \
             UPDATE pg_index SET indisvalid = false FROM pg_class c WHERE c.oid = indexrelid \
             AND c.relkind = 'i' AND c.relname <> ALL (ARRAY[{0}]::text[]) \
             AND indrelid IN (SELECT indrelid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relname = ANY (ARRAY[{0}]::text[])); \
             {query}",
            names.join(", ")
        );
        client.batch_execute(&hide).unwrap_or_else(|error| panic!("{error:?}: {hide}"));
        let nulls = vec!["NULL"; columns].join(", ");
        let plan: Value = client
            .simple_query(&format!("EXPLAIN (FORMAT JSON) EXECUTE q({nulls})"))
            .unwrap()
            .iter()
            .find_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(serde_json::from_str(row.get(0).unwrap()).unwrap()),
                _ => None,
            })
            .unwrap();
        client.batch_execute("ROLLBACK; DEALLOCATE ALL").unwrap();
        let mut used = BTreeSet::new();
        look(&plan, &mut used);
        let used: BTreeSet<&str> = used.iter().map(String::as_str).collect();
        assert_eq!(used, leaves, "{query}\n{plan:#}");
    }
}

/// The indexes that a plan searches; fails where it reads a table, or looks at rows that the index did not find.
fn look(plan: &Value, used: &mut BTreeSet<String>) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| look(part, used)),
        Value::Object(node) => {
            assert_ne!(node.get("Node Type"), Some(&Value::from("Seq Scan")), "{plan:#}");
            assert!(!node.contains_key("Filter"), "{plan:#}");
            if let Some(name) = node.get("Index Name") {
                assert!(node.contains_key("Index Cond"), "{plan:#}");
                used.insert(name.as_str().unwrap().to_owned());
            }
            node.values().for_each(|below| look(below, used));
        }
        _ => {}
    }
}
