//! The schema as one page of HTML that needs nothing else: no script, no other file, no network.

use super::super::catalog::{Catalog, ForeignKey, Index, Table};
use super::{Doc, anchor, diagram, index_words, notes_of_column};
use crate::html::{Page, escape};

/// The page's style, inlined.
const STYLE: &str = include_str!("docs.css");

pub(super) fn page(doc: &Doc<'_>) -> String {
    let (catalog, title) = (doc.catalog, escape(doc.title));
    let mut page = Page::default();
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // what the page shows comes out of a database: nothing in it may load or run anything
    page.raw(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n",
    );
    page.raw(&format!("<title>{title}: schema</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"));
    page.raw(&format!("<h1>{title}</h1>\n<p class=\"faint\">{}</p>\n", escape(&doc.summary())));
    contents(&mut page, doc);
    let diagrams = diagram::diagrams(catalog, &doc.tables);
    if !diagrams.svg.is_empty() {
        page.section("diagram", "Diagram");
        for svg in &diagrams.svg {
            page.raw(svg);
        }
        page.end_section();
    }
    if !diagrams.left_out.is_empty() {
        page.section("keys", "Foreign keys");
        page.raw("<p>There are too many tables that refer to each other for one picture.</p>\n");
        let rows = diagrams.left_out.iter().flat_map(|&at| {
            let table = &catalog.tables[at];
            table
                .foreign_keys
                .iter()
                .map(move |key| vec![link(catalog, &table.schema, &table.name), points(catalog, key)])
        });
        page.table(&["Table", "Refers to"], rows.collect::<Vec<_>>());
        page.end_section();
    }
    page.section("tables", "Tables");
    for &at in &doc.tables {
        self::table(&mut page, doc, &catalog.tables[at]);
    }
    page.end_section();
    if !catalog.views.is_empty() {
        page.section("views", "Views");
        for view in &catalog.views {
            let name = escape(&catalog.shown_name(&view.schema, &view.name));
            let kind = if view.materialized { " <span class=\"kind\">materialized</span>" } else { "" };
            page.raw(&format!("<h3 id=\"{}\">{name}{kind}</h3>\n", escape(&anchor(&view.schema, &view.name))));
            comment(&mut page, view.comment.as_deref());
            let columns: Vec<String> =
                view.columns.iter().map(|name| format!("<code>{}</code>", escape(name))).collect();
            page.raw(&format!(
                "<p>Columns: {}</p>\n<pre>{}</pre>\n",
                columns.join(", "),
                escape(view.definition.trim())
            ));
            triggers(&mut page, catalog, &view.schema, &view.name);
        }
        page.end_section();
    }
    page.raw("</main>\n</body>\n</html>\n");
    page.finish()
}

fn contents(page: &mut Page, doc: &Doc<'_>) {
    page.raw("<nav><ul>\n");
    for &at in &doc.tables {
        let table = &doc.catalog.tables[at];
        page.raw(&format!("<li>{}</li>\n", link(doc.catalog, &table.schema, &table.name)));
    }
    for view in &doc.catalog.views {
        page.raw(&format!(
            "<li>{} <span class=\"kind\">view</span></li>\n",
            link(doc.catalog, &view.schema, &view.name)
        ));
    }
    page.raw("</ul></nav>\n");
}

fn link(catalog: &Catalog, schema: &str, name: &str) -> String {
    let shown = escape(&catalog.shown_name(schema, name));
    format!("<a href=\"#{}\">{shown}</a>", escape(&anchor(schema, name)))
}

fn comment(page: &mut Page, comment: Option<&str>) {
    if let Some(comment) = comment {
        page.raw(&format!("<p>{}</p>\n", escape(comment)));
    }
}

fn points(catalog: &Catalog, key: &ForeignKey) -> String {
    let own = escape(&key.columns.join(", "));
    let (parent, columns) = (link(catalog, &key.parent_schema, &key.parent), escape(&key.parent_columns.join(", ")));
    format!("<code>{own}</code> → {parent} (<code>{columns}</code>), ON DELETE {}", key.on_delete.name())
}

fn table(page: &mut Page, doc: &Doc<'_>, table: &Table) {
    let catalog = doc.catalog;
    let kind = table.kind.as_ref().map(|kind| format!(" <span class=\"kind\">{}</span>", escape(kind)));
    page.raw(&format!(
        "<h3 id=\"{}\">{}{}</h3>\n",
        escape(&anchor(&table.schema, &table.name)),
        escape(&catalog.shown(table)),
        kind.unwrap_or_default()
    ));
    comment(page, table.comment.as_deref());
    if !table.columns.is_empty() {
        let rows = table.columns.iter().map(|column| {
            let said = column.comment.as_deref().map(escape).unwrap_or_default();
            let default = column.default.as_deref().map(|text| format!("<code>{}</code>", escape(text)));
            vec![
                format!("<code>{}</code>", escape(&column.name)),
                escape(&column.r#type),
                if column.not_null { "no".to_owned() } else { String::new() },
                default.unwrap_or_default(),
                escape(&notes_of_column(table, column)),
                said,
            ]
        });
        page.table(&["Column", "Type", "NULL", "Default", "Key", "Comment"], rows.collect::<Vec<_>>());
    }
    let keys = |key: &Vec<String>| format!("<code>{}</code>", escape(&key.join(", ")));
    let primary = (!table.primary_key.is_empty()).then(|| keys(&table.primary_key));
    list(page, "Primary key", primary.into_iter().collect());
    list(page, "Unique", table.uniques.iter().map(keys).collect());
    list(page, "Refers to", table.foreign_keys.iter().map(|key| points(catalog, key)).collect());
    let referred = doc.referring(table).map(|(child, key)| {
        let own = escape(&key.columns.join(", "));
        format!(
            "{} (<code>{own}</code>), ON DELETE {}",
            link(catalog, &child.schema, &child.name),
            key.on_delete.name()
        )
    });
    list(page, "Referred to by", referred.collect());
    let index =
        |index: &Index| format!("<code>{}</code>: <code>{}</code>", escape(&index.name), escape(&index_words(index)));
    list(page, "Indexes", table.indexes.iter().map(index).collect());
    let check = |check: &super::super::catalog::Check| {
        let name = check.name.as_ref().map(|name| format!("<code>{}</code>: ", escape(name))).unwrap_or_default();
        format!("{name}<code>{}</code>", escape(&check.expression))
    };
    list(page, "Checks", table.checks.iter().map(check).collect());
    triggers(page, catalog, &table.schema, &table.name);
}

fn triggers(page: &mut Page, catalog: &Catalog, schema: &str, name: &str) {
    for trigger in super::triggers(catalog, schema, name) {
        page.raw(&format!(
            "<h4>Trigger {}</h4>\n<pre>{}</pre>\n",
            escape(&trigger.name),
            escape(trigger.definition.trim())
        ));
    }
}

fn list(page: &mut Page, heading: &str, items: Vec<String>) {
    if items.is_empty() {
        return;
    }
    page.raw(&format!("<h4>{heading}</h4>\n<ul>\n"));
    for item in items {
        page.raw(&format!("<li>{item}</li>\n"));
    }
    page.raw("</ul>\n");
}
