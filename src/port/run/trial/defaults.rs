//! Defaults that a person has written into a plan, and that the server does not take: asked of the server itself.

use crate::db::{BulkDb, ErrorClass, SqlError, Statements as _};
use crate::port::plan::{ColumnPlan, Finding, Level, Plan, TablePlan};
use crate::port::target::quoted;

/// The temporary table.
const NAME: &str = "liftlock_default";

/// The findings about the tables that a plan makes. What is written for it is a temporary table, in a transaction that is
/// rolled back.
pub(super) fn find(plan: &Plan, db: &mut BulkDb) -> Result<Vec<Finding>, SqlError> {
    let mut findings = Vec::new();
    for table in plan.tables.iter().filter(|table| !table.existing) {
        let has =
            |column: &&ColumnPlan| column.default.is_some() && column.generated.is_none() && column.identity.is_none();
        let columns: Vec<&ColumnPlan> = table.columns.iter().filter(has).collect();
        if columns.is_empty() || is_taken(&columns, true, db)?.is_ok() {
            continue;
        }
        for column in columns {
            let one = [column];
            // a type or collation that the run makes first: nothing is known of its default
            if is_taken(&one, false, db)?.is_ok()
                && let Err(error) = is_taken(&one, true, db)?
            {
                findings.push(refused(table, column, &error));
            }
        }
    }
    Ok(findings)
}

fn is_taken(columns: &[&ColumnPlan], with: bool, db: &mut BulkDb) -> Result<Result<(), SqlError>, SqlError> {
    let columns: Vec<String> = columns
        .iter()
        .map(|column| {
            let collation = column.collation.as_ref().map(|name| format!(" COLLATE {name}")).unwrap_or_default();
            let default = column.default.as_ref().filter(|_| with).map(|default| format!(" DEFAULT {default}"));
            format!("{} {}{collation}{}", quoted(&column.target), column.pg_type, default.unwrap_or_default())
        })
        .collect();
    db.execute("BEGIN")?;
    let made = db.execute(&format!("CREATE TEMPORARY TABLE {NAME} ({}) ON COMMIT DROP", columns.join(", ")));
    match made {
        Err(error) if matches!(error.class, ErrorClass::ConnectionLost | ErrorClass::Cancelled) => Err(error),
        made => db.execute("ROLLBACK").map(|()| made),
    }
}

fn refused(table: &TablePlan, column: &ColumnPlan, error: &SqlError) -> Finding {
    let default = column.default.as_deref().unwrap_or_default();
    Finding {
        code: "default-refused".to_owned(),
        level: Level::Blocker,
        table: Some(table.source.clone()),
        object: Some(column.source.clone()),
        message: format!("PostgreSQL does not take the default of `{}`, {default}: {}", column.target, error.message),
        choices: vec![
            "correct the default in the plan, or take it out".to_owned(),
            format!(
                "it needs something that is there only in the run: `--accept default-refused:{}.{}`",
                table.source, column.source
            ),
        ],
        ..Finding::default()
    }
}
