//! Whether a run could write what its plan has: known before it tries to.

use crate::Dialect;
use crate::db::{BulkDb, Statements as _};
use crate::port::Port;
use crate::port::copy::OnError;
use crate::port::error::PortError;
use crate::port::plan::{Finding, Level, Plan};
use crate::port::target::{Server, TargetSchema, quoted};

/// By which word programs know it.
pub(in crate::port) const CODE: &str = "target-not-writable";

/// What stands in the way of every write that a run by `plan` needs.
pub(super) fn find(port: &Port<'_>, plan: &Plan, target: &TargetSchema) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut block = |message: String, choice: String| {
        findings.push(Finding {
            code: CODE.to_owned(),
            level: Level::Blocker,
            message,
            choices: vec![choice],
            ..Finding::default()
        });
    };
    if let Some((message, hint)) = refused(&target.server) {
        block(message, hint);
    }
    if let Some((message, hint)) = unusable(&target.server, &plan.target_schema) {
        block(message, hint);
    } else if makes_something(port, plan)
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

/// Whether a run into this schema could be refused for what may not be done there.
pub(in crate::port) fn in_doubt(server: &Server, schema: &str) -> bool {
    refused(server).is_some() || unusable(server, schema).is_some() || may_not_make(server, schema).is_some()
}

/// Why the role reaches nothing that is in the schema, and what to do.
fn unusable(server: &Server, schema: &str) -> Option<(String, String)> {
    let Server { role, database, .. } = server;
    let create = if server.may_create { "" } else { ", CREATE" };
    (!server.may_use).then(|| {
        (
            format!("`{role}` may not use the schema `{schema}` of `{database}`"),
            format!("let its owner do `GRANT USAGE{create} ON SCHEMA {} TO {}`", quoted(schema), quoted(role)),
        )
    })
}

/// Refuses where the role reaches nothing that is in the schema, for those who only read there.
pub(in crate::port) fn refuse_unusable(server: &Server, schema: &str) -> Result<(), PortError> {
    // who reads needs no more
    let reader = Server { may_create: true, ..server.clone() };
    match unusable(&reader, schema) {
        Some((message, hint)) => Err(PortError::Unfit { message, hint }),
        None => Ok(()),
    }
}

/// Whether the role reaches what is in the schema, as far as there is one.
pub(super) fn is_usable(control: &mut BulkDb, schema: &str) -> Result<bool, PortError> {
    let asked = control.query(&format!(
        "SELECT FROM pg_namespace WHERE nspname = {} AND NOT has_schema_privilege(oid, 'USAGE')",
        Dialect::Postgres.literal(schema)
    ));
    asked.map(|rows| rows.is_empty()).map_err(|error| PortError::target("look at the schema", error))
}

/// Why the role may not make tables in the schema, or the schema itself, and what to do.
fn may_not_make(server: &Server, schema: &str) -> Option<(String, String)> {
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
