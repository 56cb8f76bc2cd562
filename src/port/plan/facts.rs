//! Findings that need no decision of a type: rows and tables beyond PostgreSQL's limits, NULLs that can't be copied.

use crate::port::scan::{LARGEST_ROW, TableScan};
use crate::schema::Schema;

use super::{Finding, Level};
use crate::words::thousands;

/// The columns that a table of PostgreSQL's has at most (`MaxHeapAttributeNumber`; appendix K, "PostgreSQL Limits").
const MOST_COLUMNS: usize = 1_600;

/// Tables and rows that PostgreSQL can't hold.
#[must_use]
pub fn sizes(schema: &Schema, scans: &[TableScan]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (table, scan) in schema.tables.iter().zip(scans) {
        let blocker = |code: &str, message: String| Finding {
            code: code.to_owned(),
            level: Level::Blocker,
            table: Some(table.name.clone()),
            message,
            ..Finding::default()
        };
        if table.columns.len() > MOST_COLUMNS {
            let columns = thousands(table.columns.len() as u64);
            let mut finding = blocker(
                "too-many-columns",
                format!("the table has {columns} columns, and PostgreSQL takes 1,600 at most"),
            );
            finding.choices = vec!["split the table in the source".to_owned(), "leave it out (--exclude)".to_owned()];
            findings.push(finding);
        }
        if let Some(first) = scan.too_wide.examples.first() {
            let mut finding = blocker(
                "row-too-wide",
                format!(
                    "{} rows have values in so many columns that a page of PostgreSQL's (8,160 bytes) can't take them, the \
                     first at {first}",
                    thousands(scan.too_wide.count)
                ),
            );
            finding.rows = scan.too_wide.count;
            finding.examples.clone_from(&scan.too_wide.examples);
            finding.affected.clone_from(&scan.too_wide.affected);
            finding.choices = vec![
                "split the table in the source".to_owned(),
                "narrower types for its columns, where the values fit (--int4)".to_owned(),
            ];
            findings.push(finding);
        }
        if let Some(first) = scan.too_large.examples.first() {
            let mut finding = blocker(
                "row-too-large",
                format!(
                    "{} over {} bytes, near PostgreSQL's limit of 1 GB, the first at {first}",
                    if scan.too_large.count == 1 {
                        "1 row takes".to_owned()
                    } else {
                        format!("{} rows take", thousands(scan.too_large.count))
                    },
                    thousands(LARGEST_ROW)
                ),
            );
            finding.rows = scan.too_large.count;
            finding.examples.clone_from(&scan.too_large.examples);
            finding.affected.clone_from(&scan.too_large.affected);
            finding.choices = vec!["make these values smaller in the source".to_owned()];
            findings.push(finding);
        }
    }
    findings
}

/// NULLs in columns that are NOT NULL in the target, as `refuses` says of a table and a column.
pub fn nulls_for(schema: &Schema, scans: &[TableScan], refuses: impl Fn(&str, &str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (table, scan) in schema.tables.iter().zip(scans) {
        for (column, seen) in table.columns.iter().zip(&scan.columns) {
            let first = seen.nulls.examples.first().filter(|_| refuses(&table.name, &column.name));
            let Some(first) = first else { continue };
            findings.push(Finding {
                code: "null-in-not-null".to_owned(),
                level: Level::Blocker,
                table: Some(table.name.clone()),
                object: Some(column.name.clone()),
                message: format!(
                    "{} of {} rows {} NULL, the first at {first}; the target's column is NOT NULL",
                    thousands(seen.nulls.count),
                    thousands(scan.rows),
                    if seen.nulls.count == 1 { "holds" } else { "hold" }
                ),
                rows: seen.nulls.count,
                examples: seen.nulls.examples.clone(),
                choices: vec![
                    "give these rows a value in the source".to_owned(),
                    "take NOT NULL off the target's column".to_owned(),
                ],
                ..Finding::default()
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::scan::Tally;
    use crate::schema::Table;

    #[test]
    fn a_row_near_the_limit_is_refused_by_its_name() {
        let schema = Schema { tables: vec![Table::default()], ..Schema::default() };
        let too_large = Tally { count: 1, examples: vec!["rowid 7: 1000000007 bytes".to_owned()], ..Tally::default() };
        let found = sizes(&schema, &[TableScan { too_large, ..TableScan::default() }]);
        assert_eq!((found.len(), found[0].level, found[0].rows), (1, Level::Blocker, 1));
        assert!(found[0].message.starts_with("1 row takes over 1,000,000,000 bytes"), "{}", found[0].message);
        assert!(found[0].message.ends_with("the first at rowid 7: 1000000007 bytes"), "{}", found[0].message);
        assert_eq!(sizes(&schema, &[TableScan::default()]), []);
    }
}
