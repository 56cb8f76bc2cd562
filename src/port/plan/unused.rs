//! Choices that are about nothing: a mistyped name must not look like a choice that was followed.

use crate::port::options::{ColumnMatch, Options};
use crate::schema::Schema;

use super::candidates::rule_fits;
use super::{Finding, Level};

/// Type rules that fit no column. One that names a column is a mistake; a general one may be for other databases.
pub(super) fn types(schema: &Schema, options: &Options) -> Vec<Finding> {
    let unused = options.types.iter().filter(|rule| {
        let mut columns =
            schema.tables.iter().flat_map(|table| table.columns.iter().map(move |column| (table, column)));
        !columns.any(|(table, column)| rule_fits(&rule.columns, table, column))
    });
    let finding = |level: Level, name: &str| Finding {
        code: "unused-type".to_owned(),
        level,
        object: Some(name.to_owned()),
        message: format!("the type chosen for `{name}` fits no column that is ported"),
        choices: vec!["look how the column is called in SQLite, or leave the choice out".to_owned()],
        ..Finding::default()
    };
    unused
        .map(|rule| match &rule.columns {
            ColumnMatch::Column(name) if !name.contains(['*', '?']) => finding(Level::Blocker, name),
            ColumnMatch::Column(name) | ColumnMatch::Declared(name) => finding(Level::Note, name),
        })
        .collect()
}
