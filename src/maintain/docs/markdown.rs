//! The schema as Markdown (GitHub's: with tables).

use super::super::catalog::{Catalog, ForeignKey, Table};
use super::{Doc, anchor, index_words, notes_of_column};

pub(super) fn page(doc: &Doc<'_>) -> String {
    let catalog = doc.catalog;
    let mut out = format!("# {}\n\n{}\n\n", text(doc.title), text(&doc.summary()));
    for &at in &doc.tables {
        let table = &catalog.tables[at];
        out.push_str(&format!("- {}\n", link(catalog, &table.schema, &table.name)));
    }
    for view in &catalog.views {
        out.push_str(&format!("- {} (view)\n", link(catalog, &view.schema, &view.name)));
    }
    out.push_str("\n## Tables\n");
    for &at in &doc.tables {
        self::table(&mut out, doc, &catalog.tables[at]);
    }
    if !catalog.views.is_empty() {
        out.push_str("\n## Views\n");
    }
    for view in &catalog.views {
        let kind = if view.materialized { " (materialized)" } else { "" };
        heading(&mut out, &catalog.shown_name(&view.schema, &view.name), kind, &anchor(&view.schema, &view.name));
        comment(&mut out, view.comment.as_deref());
        let columns: Vec<String> = view.columns.iter().map(|name| code(name)).collect();
        out.push_str(&format!("Columns: {}\n\n{}", columns.join(", "), fence(&view.definition)));
        triggers(&mut out, catalog, &view.schema, &view.name);
    }
    out
}

/// Names of tables may hold what GitHub leaves out of its own anchors.
fn heading(out: &mut String, name: &str, kind: &str, anchor: &str) {
    out.push_str(&format!("\n<a id=\"{anchor}\"></a>\n\n### {}{}\n\n", code(name), text(kind)));
}

fn comment(out: &mut String, comment: Option<&str>) {
    if let Some(comment) = comment {
        out.push_str(&format!("{}\n\n", text(comment)));
    }
}

fn table(out: &mut String, doc: &Doc<'_>, table: &Table) {
    let catalog = doc.catalog;
    let kind = table.kind.as_ref().map(|kind| format!(" ({kind})")).unwrap_or_default();
    heading(out, &catalog.shown(table), &kind, &anchor(&table.schema, &table.name));
    comment(out, table.comment.as_deref());
    if !table.columns.is_empty() {
        out.push_str("| Column | Type | NULL | Default | Key | Comment |\n|---|---|---|---|---|---|\n");
    }
    for column in &table.columns {
        let default = column.default.as_deref().map(code).unwrap_or_default();
        let cells = [
            code(&column.name),
            text(&column.r#type),
            if column.not_null { "no".to_owned() } else { String::new() },
            default,
            notes_of_column(table, column),
            column.comment.as_deref().map(text).unwrap_or_default(),
        ];
        out.push_str(&format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")));
    }
    let names = |names: &Vec<String>| code(&names.join(", "));
    let mut items = Vec::new();
    items.extend((!table.primary_key.is_empty()).then(|| format!("primary key {}", names(&table.primary_key))));
    items.extend(table.uniques.iter().map(|key| format!("unique {}", names(key))));
    items.extend(table.foreign_keys.iter().map(|key| format!("refers to {}", points(catalog, key))));
    items.extend(doc.referring(table).map(|(child, key)| {
        let own = names(&key.columns);
        format!(
            "referred to by {} ({own}), ON DELETE {}",
            link(catalog, &child.schema, &child.name),
            key.on_delete.name()
        )
    }));
    items.extend(
        table.indexes.iter().map(|index| format!("index {}: {}", code(&index.name), code(&index_words(index)))),
    );
    items.extend(table.checks.iter().map(|check| {
        let name = check.name.as_ref().map(|name| format!("{}: ", code(name))).unwrap_or_default();
        format!("check {name}{}", code(&check.expression))
    }));
    if !items.is_empty() {
        out.push_str(&format!("\n- {}\n", items.join("\n- ")));
    }
    triggers(out, catalog, &table.schema, &table.name);
}

fn triggers(out: &mut String, catalog: &Catalog, schema: &str, name: &str) {
    for trigger in super::triggers(catalog, schema, name) {
        out.push_str(&format!("\nTrigger {}:\n\n{}", code(&trigger.name), fence(&trigger.definition)));
    }
}

fn link(catalog: &Catalog, schema: &str, name: &str) -> String {
    format!("[{}](#{})", code(&catalog.shown_name(schema, name)), anchor(schema, name))
}

fn points(catalog: &Catalog, key: &ForeignKey) -> String {
    format!(
        "{} ({}) by {}, ON DELETE {}",
        link(catalog, &key.parent_schema, &key.parent),
        code(&key.parent_columns.join(", ")),
        code(&key.columns.join(", ")),
        key.on_delete.name()
    )
}

/// Text that means nothing to Markdown, in one line.
fn text(of: &str) -> String {
    let mut out = String::with_capacity(of.len());
    for c in of.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    // the space that a suffix begins with
    if of.starts_with(' ') { format!(" {out}") } else { out }
}

/// A code span, in one line, whatever backquotes are in it (<https://spec.commonmark.org/0.31.2/#code-spans>).
fn code(of: &str) -> String {
    let of = of.split_whitespace().collect::<Vec<_>>().join(" ");
    if of.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(&of) + 1);
    let pad = if of.starts_with('`') || of.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{of}{pad}{ticks}")
}

fn fence(sql: &str) -> String {
    let ticks = "`".repeat((longest_run(sql) + 1).max(3));
    format!("{ticks}sql\n{}\n{ticks}\n", sql.trim())
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
