//! The commands that look after a database: `stats`, `validate` and their like.

mod explain;
mod health;
mod optimize;
mod stats;
mod validate;

use crate::support::{TestDatabase, server};

/// A role that may connect and no more; gives the URL with which it does. Its name is the database's, for tests share
/// a server.
fn stranger(database: &TestDatabase) -> String {
    let name = format!("{}_stranger", database.value("SELECT current_database()"));
    database.execute(&format!("CREATE ROLE {name} LOGIN PASSWORD 'Kq7-secret'"));
    let url = server().url(&database.value("SELECT current_database()"));
    let (before, after) = url.split_once("://").unwrap();
    let (_, after) = after.split_once('@').unwrap();
    format!("{before}://{name}:Kq7-secret@{after}")
}
