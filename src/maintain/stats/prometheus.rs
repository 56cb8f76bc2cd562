//! The statistics for a scraper (<https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4).

use std::fmt::Write as _;

use super::StatsReport;

/// A sample's labels: names with their values.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// The statistics in the text format of Prometheus. Every metric is a gauge; what is not known has no sample.
#[must_use]
pub fn prometheus(report: &StatsReport) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, help: &str, samples: Vec<(Labels<'_>, u64)>| {
        if samples.is_empty() {
            return;
        }
        // a string takes everything
        let _ = writeln!(text, "# HELP liftlock_{name} {help}\n# TYPE liftlock_{name} gauge");
        for (labels, value) in samples {
            let _ = writeln!(text, "liftlock_{name}{} {value}", written(&labels));
        }
    };
    let one = |value: Option<u64>| value.map(|value| (Vec::new(), value)).into_iter().collect::<Vec<_>>();
    let info = vec![("dialect", report.dialect.name()), ("version", report.version.as_str())];
    metric("database_info", "The database, in the labels.", vec![(info, 1)]);
    metric("database_bytes", "Size of the database.", one(Some(report.bytes)));
    metric("database_wal_bytes", "Size of the -wal file.", one(report.wal_bytes));
    metric("database_free_bytes", "Size of the pages that hold nothing.", one(report.free_bytes));
    metric("database_unused_bytes", "Bytes not used in pages that hold something.", one(report.unused_bytes));
    metric("database_dead_rows", "Dead rows, as the server counts them.", one(report.dead_rows));
    let version = report.schema.as_ref().and_then(|schema| schema.version);
    metric("schema_version", "Highest migration applied.", one(version.and_then(|version| version.try_into().ok())));
    let count = |count: Option<usize>| one(count.map(|count| count as u64));
    let schema = report.schema.as_ref();
    metric("schema_migrations_applied", "Migrations applied.", count(schema.map(|schema| schema.applied)));
    metric(
        "schema_migrations_unfinished",
        "Migrations stopped half-way.",
        count(schema.map(|schema| schema.unfinished)),
    );
    metric("statistics_age_seconds", "Age of the oldest table's statistics.", one(report.statistics_age_seconds));
    metric("tables_not_analysed", "Tables with rows and no statistics.", count(Some(report.not_analysed.len())));

    let of_tables = |value: &dyn Fn(&super::TableStats) -> Option<u64>| -> Vec<(Labels<'_>, u64)> {
        let tables = report.tables.iter();
        tables
            .filter_map(|table| Some((vec![("schema", table.schema.as_str()), ("table", &table.name)], value(table)?)))
            .collect()
    };
    let help = match report.tables.iter().all(|table| table.rows_are == super::Rows::Exact) {
        true => "Rows of a table, counted.",
        false => "Rows of a table; where the planner's estimate, as of its last VACUUM or ANALYZE.",
    };
    metric("table_rows", help, of_tables(&|table| table.rows));
    metric("table_bytes", "Size of a table without its indexes.", of_tables(&|table| Some(table.bytes)));
    metric("table_index_bytes", "Size of a table's indexes.", of_tables(&|table| Some(table.index_bytes)));
    metric("table_unused_bytes", "Bytes not used in a table's pages.", of_tables(&|table| table.unused_bytes));
    metric("table_dead_rows", "Dead rows of a table.", of_tables(&|table| table.dead_rows));
    let age = of_tables(&|table| table.statistics_age_seconds);
    metric("table_statistics_age_seconds", "Age of a table's statistics.", age);

    let of_indexes = |value: &dyn Fn(&super::IndexStats) -> Option<u64>| -> Vec<(Labels<'_>, u64)> {
        let indexes = report.indexes.iter();
        indexes
            .filter_map(|index| {
                let named =
                    vec![("schema", index.schema.as_str()), ("table", index.table.as_str()), ("index", &*index.name)];
                Some((named, value(index)?))
            })
            .collect()
    };
    metric("index_bytes", "Size of an index.", of_indexes(&|index| Some(index.bytes)));
    metric("index_valid", "Whether an index can be used.", of_indexes(&|index| Some(u64::from(index.valid))));
    text
}

fn written(labels: &Labels<'_>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// Backslash, quote and line feed are escaped in a label's value, and nothing else.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd\u{e9}"), "a\\\"b\\\\c\\nd\u{e9}");
        assert_eq!(written(&vec![("schema", "main"), ("table", "a\"b")]), r#"{schema="main",table="a\"b"}"#);
    }
}
