//! The temporary tables in which the server computes generated columns: one of all columns, and one for each where rows fail.

use crate::db::{BulkDb, ErrorClass, SqlError, Statements as _};
use crate::port::plan::{ColumnPlan, TablePlan};
use crate::port::run::create::SHARED;
use crate::port::run::trial::rules::{is_filled_elsewhere, is_sent};
use crate::port::target::{TargetTable, literal, qualified, quoted};
use crate::value::PgType;

/// A column that the server computes.
#[derive(Debug)]
pub(super) struct Computed<'a> {
    /// The column of the source whose values it is compared with, where there is one.
    pub held: Option<&'a ColumnPlan>,
    /// Its name in PostgreSQL.
    pub name: String,
    /// Its type, as SQL.
    pub type_name: String,
    pub not_null: bool,
    /// As SQL of PostgreSQL's.
    pub expression: String,
}

/// A column that is sent, or that has a default.
struct Base {
    name: String,
    type_name: String,
    /// The type below a domain, whose own demands are tried elsewhere.
    over: Option<String>,
    default: Option<String>,
    sent: bool,
}

/// The temporary tables of one table.
pub(super) struct Tables<'a> {
    columns: &'a [Computed<'a>],
    base: Vec<Base>,
    /// The target's table, where there is one.
    target: Option<String>,
    /// The column that numbers the rows.
    number: String,
    /// What a run makes before its tables: types and collations.
    first: Vec<String>,
    /// Which are made: the one of all columns first, then one for each.
    made: Vec<bool>,
    /// Why the server does not take a column's expression at all.
    pub refused: Vec<Option<SqlError>>,
}

impl<'a> Tables<'a> {
    /// For a `plan` for a table of the target's that is `there` already, or is to be made.
    pub fn new(
        plan: &TablePlan,
        schema: &str,
        (there, first): (Option<&TargetTable>, &[String]),
        columns: &'a [Computed<'a>],
    ) -> Self {
        // one column too many costs a little, and is no error
        let expressions: Vec<String> = columns.iter().map(|column| column.expression.to_lowercase()).collect();
        let is_read =
            |name: &str| expressions.iter().any(|one| one.contains(&name.replace('"', "\"\"").to_lowercase()));
        let mut base = match there {
            Some(there) => of_target(plan, there, is_read),
            None => of_plan(plan, is_read),
        };
        if !base.iter().any(|base| base.sent) {
            // nothing of the source is read: any column stands for the row
            let any = plan.columns.iter().find(|column| column.generated.is_none()).map(|column| column.target.clone());
            base = match there {
                Some(there) => of_target(plan, there, |name| any.as_deref() == Some(name) || is_read(name)),
                None => of_plan(plan, |name| any.as_deref() == Some(name)),
            };
        }
        let mut number = "liftlock_row".to_owned();
        let is_taken = |name: &str| {
            base.iter().map(|base| &base.name).chain(columns.iter().map(|one| &one.name)).any(|own| own == name)
        };
        while is_taken(&number) {
            number.push('_');
        }
        Self {
            columns,
            base,
            target: there.map(|there| qualified(schema, &there.name)),
            number: quoted(&number),
            first: first.to_vec(),
            made: vec![false; columns.len() + 1],
            refused: columns.iter().map(|_| None).collect(),
        }
    }

    /// The plan's columns that are sent.
    pub fn sent(&self, plan: &TablePlan) -> Vec<ColumnPlan> {
        let own =
            |base: &Base| plan.columns.iter().find(|column| column.generated.is_none() && column.target == base.name);
        self.base.iter().filter(|base| base.sent).filter_map(own).cloned().collect()
    }

    /// Makes the temporary table of all columns; those that the server does not take are noted, and tried no further.
    /// Whether any is left.
    pub fn make_all(&mut self, db: &mut BulkDb) -> Result<bool, SqlError> {
        if let Some(target) = &self.target {
            // where the target will have the table only once its migrations have run, the types have to do
            let is_there = db.query(&format!("SELECT to_regclass({}) IS NOT NULL", literal(target)))?;
            if is_there.first().and_then(|row| row.first()?.as_deref()) != Some("t") {
                self.target = None;
            }
        }
        let mut made = self.make(None, db)?;
        if made.is_err() && !self.first.is_empty() && self.make_first(db)? {
            made = self.make(None, db)?;
        }
        let Err(error) = made else { return Ok(true) };
        if let [only] = self.refused.as_mut_slice() {
            *only = Some(error);
            return Ok(false);
        }
        for at in 0..self.columns.len() {
            self.refused[at] = self.make(Some(at), db)?.err();
        }
        if self.refused.iter().all(Option::is_some) {
            return Ok(false);
        }
        self.make(None, db)?.map(|()| true)
    }

    /// Makes what the run would make first; whether that could be.
    fn make_first(&self, db: &mut BulkDb) -> Result<bool, SqlError> {
        let sql = format!("SELECT pg_catalog.pg_advisory_xact_lock({SHARED}); {}", self.first.join("; "));
        Ok(in_savepoint(&sql, db)?.is_ok())
    }

    /// The temporary table of one column, or of all.
    pub fn table(of: Option<usize>) -> String {
        of.map_or_else(|| "liftlock_generated".to_owned(), |at| format!("liftlock_generated_{at}"))
    }

    /// The columns that a temporary table computes.
    pub fn computed(&self, of: Option<usize>) -> Vec<usize> {
        let is_one = |at: &usize| of.is_none_or(|of| of == *at) && self.refused[*at].is_none();
        (0..self.columns.len()).filter(is_one).collect()
    }

    fn make(&mut self, of: Option<usize>, db: &mut BulkDb) -> Result<Result<(), SqlError>, SqlError> {
        let (table, number) = (Self::table(of), &self.number);
        let computed: Vec<String> = self
            .computed(of)
            .into_iter()
            .map(|at| {
                let Computed { name, type_name, not_null, expression, .. } = &self.columns[at];
                let not_null = if *not_null { " NOT NULL" } else { "" };
                format!("{} {type_name} GENERATED ALWAYS AS ({expression}) STORED{not_null}", quoted(name))
            })
            .collect();
        let sql = match &self.target {
            Some(target) => {
                // with their collations
                let base = self.base.iter().map(|base| match &base.over {
                    Some(over) => format!("{0}::{over} AS {0}, ", quoted(&base.name)),
                    None => format!("{}, ", quoted(&base.name)),
                });
                let defaults = self.base.iter().filter_map(|base| {
                    Some(format!("ALTER COLUMN {} SET DEFAULT {}, ", quoted(&base.name), base.default.as_ref()?))
                });
                let computed: Vec<String> = computed.iter().map(|column| format!("ADD COLUMN {column}")).collect();
                format!(
                    "CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS SELECT {}0 AS {number} FROM {target} WITH NO DATA; \
                     ALTER TABLE pg_temp.{table} {}{}",
                    base.collect::<String>(),
                    defaults.collect::<String>(),
                    computed.join(", ")
                )
            }
            None => {
                let base = self.base.iter().map(|base| {
                    let default =
                        base.default.as_ref().map(|default| format!(" DEFAULT {default}")).unwrap_or_default();
                    format!("{} {}{default}, ", quoted(&base.name), base.over.as_ref().unwrap_or(&base.type_name))
                });
                let base: String = base.collect();
                format!(
                    "CREATE TEMPORARY TABLE {table} ({base}{number} integer, {}) ON COMMIT DROP",
                    computed.join(", ")
                )
            }
        };
        let made = in_savepoint(&sql, db)?;
        self.made[of.map_or(0, |at| at + 1)] = made.is_ok();
        Ok(made)
    }

    /// Makes the table of one column, where it is not made yet.
    pub fn make_missing(&mut self, of: Option<usize>, db: &mut BulkDb) -> Result<(), SqlError> {
        if self.made[of.map_or(0, |at| at + 1)] { Ok(()) } else { self.make(of, db)? }
    }

    /// The statement that takes rows: what is sent, and the row's number.
    pub fn copy_in(&self, of: Option<usize>) -> String {
        let names: String =
            self.base.iter().filter(|base| base.sent).map(|base| format!("{}, ", quoted(&base.name))).collect();
        format!("COPY pg_temp.{} ({names}{}) FROM STDIN (FORMAT binary)", Self::table(of), self.number)
    }

    /// The statement that gives the rows' numbers, and what was computed for some of the columns.
    pub fn copy_out(&self, of: Option<usize>, columns: &[usize]) -> String {
        let names: String = columns.iter().map(|at| format!(", {}", quoted(&self.columns[*at].name))).collect();
        format!("COPY (SELECT {}{names} FROM pg_temp.{}) TO STDOUT (FORMAT binary)", self.number, Self::table(of))
    }
}

/// Makes something; an error of the server's is the answer, and leaves the transaction as it was.
fn in_savepoint(sql: &str, db: &mut BulkDb) -> Result<Result<(), SqlError>, SqlError> {
    db.execute("SAVEPOINT liftlock_generated")?;
    let made = match db.execute(sql) {
        Err(error) if matches!(error.class, ErrorClass::ConnectionLost | ErrorClass::Cancelled) => return Err(error),
        made => made,
    };
    if made.is_err() {
        db.execute("ROLLBACK TO SAVEPOINT liftlock_generated")?;
    }
    db.execute("RELEASE SAVEPOINT liftlock_generated")?;
    Ok(made)
}

/// What an expression may read of a table that is to be made.
fn of_plan(plan: &TablePlan, is_read: impl Fn(&str) -> bool) -> Vec<Base> {
    let plain = plan.columns.iter().filter(|column| column.generated.is_none() && is_read(&column.target));
    let base = plain.map(|column| {
        let collation = column.collation.as_ref().map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
        Base {
            name: column.target.clone(),
            type_name: format!("{}{collation}", column.pg_type),
            over: None,
            default: None,
            sent: true,
        }
    });
    base.collect()
}

/// What an expression may read of a table that is there. A column that takes its values from a sequence is not among them:
/// none is to be taken.
fn of_target(plan: &TablePlan, there: &TargetTable, is_read: impl Fn(&str) -> bool) -> Vec<Base> {
    let base = there.columns.iter().filter(|column| column.generated.is_none() && is_read(&column.name));
    let base = base.filter_map(|column| {
        let sent = is_sent(plan, column);
        let domain = column.pg_type.as_ref().filter(|of| matches!(of, PgType::Domain { .. }));
        (!is_filled_elsewhere(plan, column)).then(|| Base {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            over: domain.map(|domain| domain.base().to_string()),
            default: column.default.clone().filter(|_| !sent),
            sent,
        })
    });
    base.collect()
}
