//! The schema for people to read: as Markdown, or as one page of HTML with a diagram. The same schema gives the same text,
//! so that it can be kept beside the code and its changes be seen.

mod diagram;
mod html;
mod layout;
mod markdown;

use super::catalog::{Catalog, Column, ForeignKey, Index, Table, Trigger};
use crate::Dialect;

/// How the schema is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DocsFormat {
    /// Markdown.
    #[default]
    Markdown,
    /// One page of HTML.
    Html,
}

/// The schema of `catalog` as text, headed by `title`. Liftlock's own tables are left out.
#[must_use]
pub fn write(catalog: &Catalog, title: &str, format: DocsFormat) -> String {
    let tables = (0..catalog.tables.len()).filter(|&at| !is_own(&catalog.tables[at])).collect();
    let doc = Doc { catalog, title, tables };
    match format {
        DocsFormat::Markdown => markdown::page(&doc),
        DocsFormat::Html => html::page(&doc),
    }
}

/// The schema as data, without Liftlock's own tables.
#[must_use]
pub fn without_own(catalog: Catalog) -> Catalog {
    let tables = catalog.tables.into_iter().filter(|table| !is_own(table)).collect();
    Catalog { tables, ..catalog }
}

fn is_own(table: &Table) -> bool {
    ["schema_migrations", "schema_migrations_progress", "schema_migrations_log"].contains(&table.name.as_str())
        || table.name.starts_with("liftlock_")
}

/// What is written of.
struct Doc<'a> {
    catalog: &'a Catalog,
    title: &'a str,
    /// The tables that are shown, by their place in the catalog.
    tables: Vec<usize>,
}

impl<'a> Doc<'a> {
    fn summary(&self) -> String {
        let database = match self.catalog.dialect {
            Dialect::Sqlite => "SQLite",
            Dialect::Postgres => "PostgreSQL",
        };
        let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let keys = self.tables.iter().map(|&at| self.catalog.tables[at].foreign_keys.len()).sum();
        format!(
            "{database}: {}, {}, {}, {}.",
            count(self.tables.len(), "table"),
            count(keys, "foreign key"),
            count(self.catalog.views.len(), "view"),
            count(self.catalog.triggers.len(), "trigger")
        )
    }

    /// The foreign keys that point to `table`, and whose they are.
    fn referring<'t>(&self, table: &'t Table) -> impl Iterator<Item = (&'a Table, &'a ForeignKey)> + use<'a, 't> {
        let all = self.catalog.tables.iter().flat_map(|child| child.foreign_keys.iter().map(move |key| (child, key)));
        all.filter(|(_, key)| key.parent_schema == table.schema && key.parent == table.name)
    }
}

fn triggers<'a>(catalog: &'a Catalog, schema: &str, name: &str) -> impl Iterator<Item = &'a Trigger> + use<'a> {
    let (schema, name) = (schema.to_owned(), name.to_owned());
    let same = move |trigger: &&Trigger| match catalog.dialect {
        Dialect::Sqlite => trigger.table.eq_ignore_ascii_case(&name),
        Dialect::Postgres => trigger.schema == schema && trigger.table == name,
    };
    catalog.triggers.iter().filter(same)
}

/// What a column is beside its type: part of keys, made or counted up.
fn notes_of_column(table: &Table, column: &Column) -> String {
    let mut notes = Vec::new();
    if table.primary_key.contains(&column.name) {
        notes.push("PK".to_owned());
    }
    if table.foreign_keys.iter().any(|key| key.columns.contains(&column.name)) {
        notes.push("FK".to_owned());
    }
    if table.uniques.iter().any(|key| *key == [column.name.clone()]) {
        notes.push("unique".to_owned());
    }
    if column.generated {
        notes.push("generated".to_owned());
    }
    notes.extend(column.identity.as_ref().map(|identity| format!("identity {}", identity.to_lowercase())));
    notes.join(", ")
}

fn index_words(index: &Index) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let predicate = index.predicate.as_ref().map(|text| format!(" WHERE {text}")).unwrap_or_default();
    format!("{unique}({}){predicate}", index.terms.join(", "))
}

/// A table's or view's anchor: of letters that an id and a URL may hold as they are, and unlike any other's.
fn anchor(schema: &str, name: &str) -> String {
    let mut out = String::new();
    for part in [schema, name] {
        out.push_str(if out.is_empty() { "t-" } else { "-" });
        for c in part.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => out.push(c),
                c => out.push_str(&format!(".{:x}.", u32::from(c))),
            }
        }
    }
    out
}
