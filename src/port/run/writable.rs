//! Whether a run could write what its plan has: known before it tries to.

use crate::port::Port;
use crate::port::copy::OnError;
use crate::port::plan::{Finding, Level, Plan};
use crate::port::target::{Server, TargetSchema, quoted};

/// What stands in the way of every write that a run by `plan` needs.
pub(super) fn find(port: &Port<'_>, plan: &Plan, target: &TargetSchema) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut block = |message: String, choice: String| {
        findings.push(Finding {
            code: "target-not-writable".to_owned(),
            level: Level::Blocker,
            message,
            choices: vec![choice],
            ..Finding::default()
        });
    };
    if let Some((message, hint)) = refused(&target.server) {
        block(message, hint);
    }
    if makes_something(port, plan)
        && let Some((message, hint)) = may_not_make(&target.server, &plan.target_schema)
    {
        block(message, hint);
    }
    findings
}

/// Why nothing at all can be written, and what to do.
fn refused(server: &Server) -> Option<(String, String)> {
    if server.standby {
        let message = format!("the server of `{}` is a standby: nothing can be written there", server.database);
        return Some((message, "port into the primary server".to_owned()));
    }
    server.read_only.then(|| {
        (
            format!("transactions in `{}` are read-only for `{}`", server.database, server.role),
            format!(
                "ALTER ROLE {} IN DATABASE {} SET default_transaction_read_only = off",
                quoted(&server.role),
                quoted(&server.database)
            ),
        )
    })
}

/// Why the role may not make tables in the schema, or the schema itself, and what to do.
pub(in crate::port) fn may_not_make(server: &Server, schema: &str) -> Option<(String, String)> {
    // https://www.postgresql.org/docs/current/ddl-schemas.html#DDL-SCHEMAS-CATALOG
    if schema.starts_with("pg_") {
        let message =
            format!("`{schema}` can't be a schema of tables: names that begin with `pg_` are the server's own");
        return Some((message, "take another: `--schema NAME`".to_owned()));
    }
    let Server { role, database, .. } = server;
    match (server.schema_exists, server.may_create, server.may_make_schemas) {
        (true, false, _) => Some((
            format!("`{role}` may not make tables in the schema `{schema}` of `{database}`"),
            format!("let its owner do `GRANT CREATE ON SCHEMA {} TO {}`", quoted(schema), quoted(role)),
        )),
        (false, _, false) => Some((
            format!("`{role}` may not make the schema `{schema}` in `{database}`"),
            format!("let its owner do `GRANT CREATE ON DATABASE {} TO {}`", quoted(database), quoted(role)),
        )),
        _ => None,
    }
}

/// Whether a run makes any relation: its own bookkeeping, which one transaction does without, or what the plan has.
fn makes_something(port: &Port<'_>, plan: &Plan) -> bool {
    !port.single_transaction
        || port.on_error == OnError::Quarantine
        || !plan.views.is_empty()
        || plan.tables.iter().any(|table| !table.existing || !table.indexes.is_empty())
}
