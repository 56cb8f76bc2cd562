//! The entity-relationship diagram: tables and foreign keys as SVG.

use std::collections::BTreeSet;

use super::super::catalog::{Catalog, Table};
use super::anchor;
use super::layout::{Graph, layout};
use crate::html::escape;

/// With more tables that refer to each other than this, a diagram shows nothing; keys are listed.
const MOST: usize = 60;
/// How many columns of a table are shown: those of keys first.
const COLUMNS: usize = 12;
const HEAD: f64 = 28.0;
const ROW: f64 = 19.0;
/// How wide a letter is at the size used, generously.
const LETTER: f64 = 7.3;
/// The longest name or type shown, in letters.
const LONGEST: usize = 30;
/// Between groups of tables.
const GAP: f64 = 40.0;
/// How wide the tables without keys stand beside each other.
const WIDE: f64 = 1100.0;

/// A table as it is drawn.
struct Drawn<'a> {
    table: &'a Table,
    /// The columns shown: name, type, mark.
    rows: Vec<(&'a str, &'a str, &'static str)>,
    more: usize,
    width: f64,
    height: f64,
}

/// The diagrams, and the tables that are in none because there are too many.
pub(super) struct Diagrams {
    pub svg: Vec<String>,
    pub left_out: Vec<usize>,
}

/// Draws the tables at these places of the catalog.
pub(super) fn diagrams(catalog: &Catalog, tables: &[usize]) -> Diagrams {
    let lines: BTreeSet<(usize, usize)> = tables
        .iter()
        .enumerate()
        .flat_map(|(child, &at)| {
            catalog.tables[at].foreign_keys.iter().filter_map(move |key| {
                let is = |&&other: &&usize| {
                    let parent = &catalog.tables[other];
                    parent.schema == key.parent_schema && parent.name == key.parent
                };
                let parent = tables.iter().position(|other| is(&other))?;
                Some((parent, child))
            })
        })
        .collect();
    let mut diagrams = Diagrams { svg: Vec::new(), left_out: Vec::new() };
    let mut alone = Vec::new();
    for group in groups(tables.len(), &lines) {
        if group.len() == 1 && !lines.contains(&(group[0], group[0])) {
            alone.push(group[0]);
        } else if group.len() > MOST {
            diagrams.left_out.extend(group.iter().map(|&at| tables[at]));
        } else {
            let own: Vec<(usize, usize)> = lines
                .iter()
                .filter_map(|(parent, child)| {
                    let place = |of: &usize| group.iter().position(|at| at == of);
                    Some((place(parent)?, place(child)?))
                })
                .collect();
            let drawn: Vec<Drawn<'_>> = group.iter().map(|&at| drawn(&catalog.tables[tables[at]])).collect();
            let number = diagrams.svg.len();
            diagrams.svg.push(group_svg(catalog, &drawn, &own, number));
        }
    }
    for part in alone.chunks(MOST) {
        let drawn: Vec<Drawn<'_>> = part.iter().map(|&at| drawn(&catalog.tables[tables[at]])).collect();
        let number = diagrams.svg.len();
        diagrams.svg.push(alone_svg(catalog, &drawn, number));
    }
    diagrams
}

/// Tables that are linked, the largest group first.
fn groups(count: usize, lines: &BTreeSet<(usize, usize)>) -> Vec<Vec<usize>> {
    let mut group: Vec<usize> = (0..count).collect();
    loop {
        let mut changed = false;
        for &(one, other) in lines {
            let least = group[one].min(group[other]);
            changed |= group[one] != least || group[other] != least;
            group[one] = least;
            group[other] = least;
        }
        if !changed {
            break;
        }
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for first in 0..count {
        let members: Vec<usize> = (0..count).filter(|&at| group[at] == first).collect();
        if !members.is_empty() {
            groups.push(members);
        }
    }
    groups.sort_by_key(|members| std::cmp::Reverse(members.len()));
    groups
}

fn drawn(table: &Table) -> Drawn<'_> {
    let is_key = |name: &str| table.primary_key.iter().any(|key| key == name);
    let refers = |name: &str| table.foreign_keys.iter().any(|key| key.columns.iter().any(|column| column == name));
    let mark = |name: &str| match (is_key(name), refers(name)) {
        (true, true) => "PK FK",
        (true, false) => "PK",
        (false, true) => "FK",
        (false, false) => "",
    };
    let mut shown: Vec<usize> = (0..table.columns.len()).collect();
    shown.sort_by_key(|&at| mark(&table.columns[at].name).is_empty());
    shown.truncate(COLUMNS);
    shown.sort_unstable();
    let rows: Vec<(&str, &str, &'static str)> = shown
        .iter()
        .map(|&at| (table.columns[at].name.as_str(), table.columns[at].r#type.as_str(), mark(&table.columns[at].name)))
        .collect();
    let more = table.columns.len() - rows.len();
    let letters = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>().min(LONGEST + 1);
    let widest = rows.iter().map(|(name, kind, _)| letters(name) + letters(kind) + 9).max().unwrap_or(0);
    let width = (widest.max(letters(&table.name) + 3) as f64 * LETTER).max(120.0);
    let lines = rows.len() + usize::from(more > 0);
    Drawn { table, rows, more, width, height: HEAD + ROW * lines as f64 + 6.0 }
}

fn group_svg(catalog: &Catalog, drawn: &[Drawn<'_>], lines: &[(usize, usize)], number: usize) -> String {
    let graph = Graph {
        boxes: drawn.iter().map(|of| (of.width, of.height)).collect(),
        lines: lines.iter().copied().filter(|(parent, child)| parent != child).collect(),
    };
    let placed = layout(&graph);
    let mut body = String::new();
    for (&(parent, child), bends) in graph.lines.iter().zip(&placed.bends) {
        let (from, to) = (placed.places[parent], placed.places[child]);
        // a key that goes against the order of layers leaves on the other side
        let against = to.0 < from.0 + drawn[parent].width;
        let start = (if against { from.0 } else { from.0 + drawn[parent].width }, from.1 + HEAD / 2.0);
        let end =
            (if against { to.0 + drawn[child].width } else { to.0 }, to.1 + row_of(&drawn[child], &drawn[parent]));
        let title = format!("{} → {}", drawn[child].table.name, drawn[parent].table.name);
        body.push_str(&line(start, bends, end, &title, number));
    }
    for &(_, child) in lines.iter().filter(|(parent, child)| parent == child) {
        let ((x, y), of) = (placed.places[child], &drawn[child]);
        let (right, low) = (x + of.width, y + row_of(of, of));
        body.push_str(&format!(
            "<path class=\"line\" marker-end=\"url(#many-{number})\" marker-start=\"url(#one-{number})\" d=\"M{right:.0} {:.0} h26 V{low:.0} \
             h-26\"><title>{1} → {1}</title></path>\n",
            y + HEAD / 2.0,
            escape(&of.table.name)
        ));
    }
    for (of, &place) in drawn.iter().zip(&placed.places) {
        body.push_str(&table(catalog, of, place));
    }
    svg(&body, placed.width + 30.0, placed.height, number)
}

/// Where the first column is that refers to `parent`.
fn row_of(child: &Drawn<'_>, parent: &Drawn<'_>) -> f64 {
    let keys = child.table.foreign_keys.iter();
    let key = keys.into_iter().find(|key| key.parent == parent.table.name && key.parent_schema == parent.table.schema);
    let column = key.and_then(|key| key.columns.first());
    match child.rows.iter().position(|(name, ..)| Some(*name) == column.map(String::as_str)) {
        Some(at) => HEAD + ROW * at as f64 + ROW / 2.0 + 2.0,
        None => HEAD / 2.0,
    }
}

fn line(start: (f64, f64), bends: &[(f64, f64)], end: (f64, f64), title: &str, number: usize) -> String {
    let mut path = format!("M{:.1} {:.1}", start.0, start.1);
    let mut at = start;
    for (nth, &(x, y)) in bends.iter().chain([&end]).enumerate() {
        // from one side of a layer to the other it goes straight
        if nth % 2 == 1 && nth < bends.len() {
            path.push_str(&format!(" L{x:.1} {y:.1}"));
        } else {
            let middle = (at.0 + x) / 2.0;
            path.push_str(&format!(" C{middle:.1} {:.1} {middle:.1} {y:.1} {x:.1} {y:.1}", at.1));
        }
        at = (x, y);
    }
    format!(
        "<path class=\"line\" marker-start=\"url(#one-{number})\" marker-end=\"url(#many-{number})\" d=\"{path}\"><title>{}</title></path>\n",
        escape(title)
    )
}

fn table(catalog: &Catalog, of: &Drawn<'_>, (x, y): (f64, f64)) -> String {
    let name = catalog.shown(of.table);
    let mut out = format!(
        "<a href=\"#{}\"><g transform=\"translate({x:.1} {y:.1})\"><title>{}</title>\n\
         <rect class=\"box\" width=\"{:.1}\" height=\"{:.1}\" rx=\"5\"/>\n<path class=\"head\" d=\"M0 {HEAD} V5 a5 5 0 0 1 5 -5 \
         H{:.1} a5 5 0 0 1 5 5 V{HEAD} Z\"/>\n<text class=\"name\" x=\"10\" y=\"19\">{}</text>\n",
        escape(&anchor(&of.table.schema, &of.table.name)),
        escape(&name),
        of.width,
        of.height,
        of.width - 5.0,
        escape(&short(&of.table.name))
    );
    for (at, (column, kind, mark)) in of.rows.iter().enumerate() {
        let y = HEAD + ROW * at as f64 + 16.0;
        out.push_str(&format!(
            "<text class=\"mark\" x=\"8\" y=\"{y:.0}\">{mark}</text><text x=\"48\" y=\"{y:.0}\">{}</text><text class=\"type\" \
             x=\"{:.1}\" y=\"{y:.0}\">{}</text>\n",
            escape(&short(column)),
            of.width - 8.0,
            escape(&short(kind))
        ));
    }
    if of.more > 0 {
        let y = HEAD + ROW * of.rows.len() as f64 + 16.0;
        out.push_str(&format!("<text class=\"mark\" x=\"48\" y=\"{y:.0}\">and {} more</text>\n", of.more));
    }
    out.push_str("</g></a>\n");
    out
}

/// Tables without keys to or from others, side by side.
fn alone_svg(catalog: &Catalog, drawn: &[Drawn<'_>], number: usize) -> String {
    let mut body = String::new();
    let (mut x, mut y, mut tallest, mut widest) = (0.0, 0.0, 0.0_f64, 0.0_f64);
    for of in drawn {
        if x > 0.0 && x + of.width > WIDE {
            (x, y, tallest) = (0.0, y + tallest + GAP / 2.0, 0.0);
        }
        body.push_str(&table(catalog, of, (x, y)));
        widest = widest.max(x + of.width);
        x += of.width + GAP / 2.0;
        tallest = tallest.max(of.height);
    }
    svg(&body, widest, y + tallest, number)
}

fn svg(body: &str, width: f64, height: f64, number: usize) -> String {
    let (width, height) = (width + 20.0, height + 20.0);
    format!(
        "<div class=\"wide\"><svg class=\"er\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"Tables and the \
         foreign keys between them\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"-10 -10 {width:.0} {height:.0}\">\n\
         <defs><marker id=\"one-{number}\" markerWidth=\"12\" markerHeight=\"12\" refX=\"0\" refY=\"6\" \
         orient=\"auto-start-reverse\"><path class=\"end\" d=\"M0 6 H12 M-7 1 V11\" transform=\"translate(9 0)\"/></marker>\n\
         <marker id=\"many-{number}\" markerWidth=\"12\" markerHeight=\"12\" refX=\"10\" refY=\"6\" orient=\"auto\"><path class=\"end\" \
         d=\"M0 6 L10 1 M0 6 L10 11\"/></marker></defs>\n{body}</svg></div>\n"
    )
}

fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let start: String = text.chars().take(LONGEST - 1).collect();
    format!("{start}…")
}
