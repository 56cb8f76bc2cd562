//! PostgreSQL's sequences under the columns of tables: the numbers they give, and where they have to be when rows came with
//! numbers of their own.

use super::quoted;
use crate::Dialect;
use crate::db::{BulkDb, SqlError, Statements as _, TextRow};

/// A sequence that gives a column its numbers.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    table: String,
    column: String,
    /// Its name with its schema's, quoted.
    name: String,
    step: i64,
    highest: i64,
    /// Whether this role may read where it is, and set it.
    readable: bool,
    settable: bool,
}

/// Those of identities, of `OWNED BY`, and of defaults that ask them, in the schema that the session works in.
const SEQUENCES: &str = "SELECT DISTINCT c.relname, a.attname, format('%I.%I', sn.nspname, sc.relname), s.seqincrement, \
     s.seqmax, has_schema_privilege(sn.oid, 'USAGE') AND has_sequence_privilege(s.seqrelid, 'SELECT'), \
     has_sequence_privilege(s.seqrelid, 'UPDATE') \
     FROM pg_sequence s JOIN pg_class sc ON sc.oid = s.seqrelid JOIN pg_namespace sn ON sn.oid = sc.relnamespace \
     JOIN (SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS number FROM pg_depend d \
           WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND d.refclassid = 'pg_class'::regclass \
           AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 \
           UNION SELECT d.refobjid, ad.adrelid, ad.adnum FROM pg_depend d JOIN pg_attrdef ad ON ad.oid = d.objid \
           WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass) u ON u.sequence = s.seqrelid \
     JOIN pg_class c ON c.oid = u.relation JOIN pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number AND NOT a.attisdropped \
     WHERE n.nspname = current_schema() \
     AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype) ORDER BY 1, 2, 3";

/// The sequences there are.
pub(super) fn all(db: &mut BulkDb) -> Result<Vec<Sequence>, SqlError> {
    let sequence = |row: TextRow| {
        let [table, column, name, step, highest, readable, settable] =
            <[String; 7]>::try_from(row.into_iter().collect::<Option<Vec<String>>>()?).ok()?;
        Some(Sequence {
            table,
            column,
            name,
            step: step.parse().ok()?,
            highest: highest.parse().ok()?,
            readable: readable == "t",
            settable: settable == "t",
        })
    };
    Ok(db.query(SEQUENCES)?.into_iter().filter_map(sequence).collect())
}

impl Sequence {
    pub fn is_of(&self, table: &str, column: &str) -> bool {
        self.table == table && self.column == column
    }

    /// Sets it forward where its column is at or past its next number already; what is to be said where that can't be.
    ///
    /// It is read and set in one statement, as others may take numbers meanwhile. One that counts down is left alone.
    pub fn forward(&self, db: &mut BulkDb) -> Result<Option<String>, SqlError> {
        if self.step <= 0 {
            return Ok(None);
        }
        let Self { table, column, name, step, highest, .. } = self;
        let of = format!("the sequence {name}, which numbers `{table}`.`{column}`,");
        if !self.readable {
            let what = "can't be read by this role, and may be behind what was imported";
            return Ok(Some(format!("{of} {what}; `liftlock validate` as its owner says whether it is")));
        }
        let literal = Dialect::Postgres.literal(name);
        // by whole steps: sequences that share a column by turns go on doing so. `after` is the next number then
        let set =
            if self.settable { format!("setval({literal}::regclass, (after - {step})::bigint)") } else { "0".into() };
        let answer = db.query(&format!(
            "SELECT q.last, CASE WHEN q.after <= {highest} THEN {set} END FROM ( \
             SELECT c.last, s.next + (div(c.last - s.next, {step}) + 1) * {step} AS after FROM \
             (SELECT CASE WHEN is_called THEN last_value::numeric + {step} ELSE last_value END AS next FROM {name}) s, \
             (SELECT max({own})::numeric AS last FROM {table} WHERE {own} <= {highest}) c WHERE c.last >= s.next OFFSET 0) q",
            own = quoted(column),
            table = quoted(table),
        ))?;
        let Some(row) = answer.into_iter().next() else { return Ok(None) };
        let mut row = row.into_iter();
        let (last, set) = (row.next().flatten().unwrap_or_default(), row.next().flatten());
        Ok(match set {
            None => {
                Some(format!("{of} has no number left that is beyond {last}, which was imported; it is left as it is"))
            }
            Some(_) if self.settable => None,
            Some(_) => {
                let what = format!("is behind {last}, which was imported, and this role may not set it");
                Some(format!("{of} {what}: its owner has to say `SELECT setval({literal}, {last});`"))
            }
        })
    }

    /// So many of its numbers that its column does not hold: one that it has from elsewhere is another row's.
    pub fn numbers(&self, db: &mut BulkDb, count: usize) -> Result<Vec<i64>, SqlError> {
        let mut numbers = Vec::with_capacity(count);
        let mut asked = count;
        while numbers.len() < count {
            let rows = db.query(&format!(
                "SELECT s.n FROM (SELECT nextval({}::regclass) AS n FROM generate_series(1, {asked}) OFFSET 0) s \
                 WHERE NOT EXISTS (SELECT FROM {} t WHERE t.{} = s.n) ORDER BY s.n{}",
                Dialect::Postgres.literal(&self.name),
                quoted(&self.table),
                quoted(&self.column),
                if self.step < 0 { " DESC" } else { "" },
            ))?;
            let free: Vec<i64> = rows.into_iter().flatten().flatten().filter_map(|n| n.parse().ok()).collect();
            // a long stretch of taken ones is left behind in few steps
            asked = if free.is_empty() { asked.saturating_mul(2).min(1 << 20) } else { count };
            numbers.extend(free);
        }
        numbers.truncate(count);
        Ok(numbers)
    }
}
