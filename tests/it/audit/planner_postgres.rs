//! The judge of PostgreSQL's audits: the server's own planner, given the query that a foreign key's triggers run.

use std::collections::BTreeSet;

use liftlock::audit::Level;
use postgres::{Client, SimpleQueryMessage};
use serde_json::Value;

/// What the planner can do for a foreign key.
#[derive(Debug)]
pub struct Planned {
    pub schema: String,
    pub table: String,
    pub name: String,
    pub columns: Vec<String>,
    /// The best of its indexes, alone; of a partitioned table the worst of its partitions.
    pub level: Level,
    /// Each index alone: the table (a partition's own name), the index, the level.
    pub indexes: Vec<(String, String, Level)>,
}

/// Foreign keys that people declared, with all that src/backend/utils/adt/ri_triggers.c makes their query of.
const FOREIGN_KEYS: &str = "
SELECT n.nspname, c.relname, k.conname, k.conrelid, c.relkind = 'p',
       (SELECT json_agg(json_build_object(
            'column', a.attname,
            'parameter', format('%I.%I', tn.nspname, t.typname),
            'left', CASE WHEN pa.atttypid <> o.oprleft THEN format('::%I.%I', ln.nspname, l.typname) ELSE '' END,
            'operator', format('OPERATOR(%I.%s)', o_n.nspname, o.oprname),
            'right', CASE WHEN a.atttypid <> o.oprright THEN format('::%I.%I', rn.nspname, r.typname) ELSE '' END,
            'collate', CASE WHEN pa.attcollation <> a.attcollation AND NOT pc.collisdeterministic
                            THEN format(' COLLATE %I.%I', pcn.nspname, pc.collname) ELSE '' END
            ) ORDER BY u.nth)
          FROM unnest(k.conkey, k.confkey, k.conpfeqop) WITH ORDINALITY u (child, parent, operator, nth)
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.child
          JOIN pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = u.parent
          JOIN pg_type t ON t.oid = pa.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace
          JOIN pg_operator o ON o.oid = u.operator JOIN pg_namespace o_n ON o_n.oid = o.oprnamespace
          JOIN pg_type l ON l.oid = o.oprleft JOIN pg_namespace ln ON ln.oid = l.typnamespace
          JOIN pg_type r ON r.oid = o.oprright JOIN pg_namespace rn ON rn.oid = r.typnamespace
          LEFT JOIN pg_collation pc ON pc.oid = pa.attcollation
          LEFT JOIN pg_namespace pcn ON pcn.oid = pc.collnamespace)
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND n.nspname = '{schema}'
 ORDER BY 1, 2, 3";

/// Tables that hold rows of a table, itself or its partitions.
const LEAVES: &str = "
WITH RECURSIVE tree (oid) AS (
    SELECT {table}::oid UNION ALL
    SELECT i.inhrelid FROM tree JOIN pg_class c ON c.oid = tree.oid AND c.relkind = 'p'
      JOIN pg_inherits i ON i.inhparent = tree.oid
)
SELECT c.oid, n.nspname, c.relname
  FROM tree JOIN pg_class c ON c.oid = tree.oid AND c.relkind = 'r' JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY 3";

const INDEXES: &str = "
SELECT x.indexrelid, i.relname, m.amname, x.indisunique,
       (SELECT json_agg(pg_get_indexdef(x.indexrelid, n, false) ORDER BY n) FROM generate_series(1, x.indnkeyatts) n),
       x.indisvalid
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am m ON m.oid = i.relam
 WHERE x.indrelid = {table}
 ORDER BY 2";

/// What the planner can do for every foreign key of a schema.
pub fn plan(client: &mut Client, schema: &str) -> Vec<Planned> {
    client.batch_execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off").unwrap();
    let mut planned = Vec::new();
    for row in rows(client, &FOREIGN_KEYS.replace("{schema}", schema)) {
        let columns: Vec<Value> = serde_json::from_str(&row[5]).unwrap();
        let text = |column: &Value, field: &str| column[field].as_str().unwrap().to_owned();
        let names: Vec<String> = columns.iter().map(|column| text(column, "column")).collect();
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let quals: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let (left, right) = (text(column, "left"), text(column, "right"));
                let (operator, collate) = (text(column, "operator"), text(column, "collate"));
                format!("${}{left} {operator} {}{right}{collate}", at + 1, quoted(&names[at]))
            })
            .collect();
        let parameters: Vec<String> = columns.iter().map(|column| text(column, "parameter")).collect();
        let mut indexes = Vec::new();
        let mut worst = None;
        for leaf in rows(client, &LEAVES.replace("{table}", &row[3])) {
            let query = format!(
                "PREPARE ri ({}) AS SELECT 1 FROM ONLY {}.{} x WHERE {} FOR KEY SHARE OF x",
                parameters.join(", "),
                quoted(&leaf[1]),
                quoted(&leaf[2]),
                quals.join(" AND ")
            );
            let mut best = Level::None;
            for index in rows(client, &INDEXES.replace("{table}", &leaf[0])) {
                let searched = if index[5] == "t" {
                    let nulls = vec!["NULL"; names.len()].join(", ");
                    searched(client, &leaf[0], &index[0], &index[1], &query, &nulls)
                } else {
                    BTreeSet::new()
                };
                let level = level(&names, &searched, &index);
                best = best.max(level);
                indexes.push((leaf[2].clone(), index[1].clone(), level));
            }
            worst = Some(worst.map_or(best, |worst: Level| worst.min(best)));
        }
        planned.push(Planned {
            schema: row[0].clone(),
            table: row[1].clone(),
            name: row[2].clone(),
            columns: names,
            level: worst.unwrap_or(Level::None),
            indexes,
        });
    }
    planned
}

/// The parameters, from 0, that the planner searches the index for when it has no other.
fn searched(client: &mut Client, table: &str, index: &str, name: &str, query: &str, nulls: &str) -> BTreeSet<usize> {
    let before = format!(
        "BEGIN; UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indrelid = {table} AND indexrelid <> {index}; {query}"
    );
    client.batch_execute(&before).unwrap_or_else(|error| panic!("{query}: {error:?}"));
    let explained = rows(client, &format!("EXPLAIN (FORMAT JSON) EXECUTE ri ({nulls})"));
    client.batch_execute("ROLLBACK; DEALLOCATE ri").unwrap();
    let text: Vec<String> = explained.into_iter().map(|mut row| row.remove(0)).collect();
    let plan: Value = serde_json::from_str(&text.join("\n")).unwrap();
    let mut found = BTreeSet::new();
    conditions(&plan, name, &mut found);
    found
}

fn conditions(plan: &Value, index: &str, found: &mut BTreeSet<usize>) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| conditions(part, index, found)),
        Value::Object(fields) => {
            if let (Some(name), Some(condition)) = (fields.get("Index Name"), fields.get("Index Cond")) {
                assert_eq!(name, index, "{plan}");
                let condition = condition.as_str().unwrap();
                let numbers = condition.split('$').skip(1);
                found.extend(numbers.map(|rest| {
                    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                    digits.parse::<usize>().unwrap() - 1
                }));
            }
            fields.values().for_each(|part| conditions(part, index, found));
        }
        _ => {}
    }
}

/// What a search for these parameters comes to, by the index's keys in their order.
fn level(names: &[String], searched: &BTreeSet<usize>, index: &[String]) -> Level {
    let keys: Vec<String> = serde_json::from_str(&index[4]).unwrap();
    let column_of = |key: &String| {
        let matches = |at: &usize| {
            let name = &names[*at];
            let quoted = format!("\"{}\"", name.replace('"', "\"\""));
            // an expression that is searched is a cast of the column
            *key == *name
                || *key == quoted
                || key.contains(&format!("({name})::"))
                || key.contains(&format!("({quoted})::"))
        };
        searched.iter().copied().find(matches).map(|at| names[at].clone())
    };
    let all: BTreeSet<&String> = names.iter().collect();
    let method = index[2].as_str();
    let found: BTreeSet<String> = match method {
        "gin" | "brin" | "bloom" => keys.iter().filter_map(column_of).collect(),
        _ => keys.iter().map_while(column_of).collect(),
    };
    if found.is_empty() {
        Level::None
    } else if matches!(method, "brin" | "bloom") {
        Level::Lossy
    } else if found.len() == all.len() {
        Level::Full
    } else if index[3] == "t" && keys.iter().all(|key| column_of(key).is_some()) {
        Level::UniqueSubset
    } else {
        Level::Prefix
    }
}

/// The rows of a query as text; NULL is empty.
fn rows(client: &mut Client, sql: &str) -> Vec<Vec<String>> {
    let messages = client.simple_query(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    messages
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect())
            }
            _ => None,
        })
        .collect()
}
