//! The bar chart of rows a second.

use super::write::{Page, escape};
use crate::port::report::{Report, TableReport, TableState};
use crate::words::thousands;

/// How many tables are drawn: those with the most rows.
const DRAWN: usize = 60;

/// The room for names, for bars, and for numbers, and the height of a line; in the units of the picture.
const NAMES: f64 = 220.0;
const BARS: f64 = 440.0;
const NUMBERS: f64 = 120.0;
const LINE: f64 = 22.0;

/// How many letters of a name fit.
const LETTERS: usize = 30;

/// Draws it.
pub(super) fn rates(page: &mut Page, report: &Report) {
    let mut tables: Vec<(usize, &TableReport, u64)> = report
        .tables
        .iter()
        .enumerate()
        .filter_map(|(at, table)| Some((at, table, table.rows_per_second()?)))
        .filter(|(.., rate)| *rate > 0)
        .collect();
    if tables.is_empty() {
        return;
    }
    let all = tables.len();
    tables.sort_by_key(|(at, table, _)| (std::cmp::Reverse(table.target_rows), *at));
    tables.truncate(DRAWN);
    tables.sort_by_key(|(at, ..)| *at);
    let fastest = tables.iter().map(|(.., rate)| *rate).max().unwrap_or(1).max(1);
    #[allow(clippy::cast_precision_loss, reason = "a picture")]
    let height = tables.len() as f64 * LINE + 4.0;
    page.section("rates", "Rows per second");
    page.raw("<p>Loaded and read back, by the time that the workers spent on the table.");
    if all > tables.len() {
        page.raw(&format!(" The {} tables with the most rows of {all}.", tables.len()));
    }
    page.raw("</p>\n");
    page.raw(&format!(
        "<svg viewBox=\"0 0 {} {height}\" role=\"img\" aria-label=\"Rows per second of each table\">\n",
        NAMES + BARS + NUMBERS
    ));
    for (line, (_, table, rate)) in tables.iter().enumerate() {
        #[allow(clippy::cast_precision_loss, reason = "a picture")]
        let (top, length) = (line as f64 * LINE, (*rate as f64 / fastest as f64 * BARS).max(1.0));
        let middle = top + LINE * 0.7;
        let class = if table.state == TableState::Differs { "bar bad" } else { "bar" };
        page.raw(&format!(
            "<g><title>{name}: {rate} rows/s</title><text x=\"{x}\" y=\"{middle:.1}\" text-anchor=\"end\">{short}</text>\
             <rect class=\"{class}\" x=\"{NAMES}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{h:.1}\" rx=\"2\"/>\
             <text x=\"{after:.1}\" y=\"{middle:.1}\">{rate}</text></g>\n",
            name = escape(&table.source),
            x = NAMES - 8.0,
            short = escape(&short(&table.source)),
            y = top + 3.0,
            h = LINE - 6.0,
            after = NAMES + length + 6.0,
            rate = thousands(*rate),
        ));
    }
    page.raw("</svg>\n");
    page.end_section();
}

fn short(name: &str) -> String {
    if name.chars().count() <= LETTERS {
        return name.to_owned();
    }
    let mut short: String = name.chars().take(LETTERS - 1).collect();
    short.push('…');
    short
}
