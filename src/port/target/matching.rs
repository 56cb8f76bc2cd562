//! Which table and column of the target takes which of the source, and what stands in the way. Pure.

use std::collections::BTreeSet;

use super::findings::{Findings, of_column, of_table, to_take_off};
use super::names::{Found, Wanted, fits, pair};
use super::schema::{Identity, Rows, TargetColumn, TargetSchema, TargetTable};
use crate::port::options::{OnConflict, Options};
use crate::port::plan::{Finding, Level};
use crate::schema::{Schema, Table};
use crate::value::PgType;

/// A table of the source and the one of the target that takes its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableMatch {
    /// The table in SQLite.
    pub source: String,
    /// The table in PostgreSQL.
    pub target: String,
    /// The columns that both have, in the source's order. A column of the source that is not among them is left behind,
    /// and a finding says so.
    pub columns: Vec<ColumnPair>,
    /// Whether the target's table holds rows already.
    pub rows: Rows,
    /// We may take off its foreign keys and triggers for the copy.
    pub set_aside: bool,
    /// The other tables of the target that it refers to by foreign keys that stay on during the copy.
    pub parents: Vec<String>,
    /// A foreign key that stays on refers to the table itself.
    pub refers_to_itself: bool,
}

/// A column of the source and the one of the target that takes its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPair {
    /// The column in SQLite.
    pub source: String,
    /// The column in PostgreSQL.
    pub target: String,
    /// The type that it has there.
    pub pg_type: PgType,
    /// How many digits of a second it keeps, where that is fewer than six: the server rounds what has more.
    pub fraction_digits: Option<u8>,
    /// NOT NULL there.
    pub not_null: bool,
    /// The default there.
    pub default: Option<String>,
    /// It is an identity there.
    pub identity: Option<Identity>,
    /// It is generated there: it is compared, not copied.
    pub generated: bool,
}

/// Pairs the tables of `schema` with those of `target`. `names` gives the name that the chosen style makes of a table,
/// or of a column of a table; renames in `options` go before it.
pub fn match_tables(
    schema: &Schema,
    target: &TargetSchema,
    options: &Options,
    names: impl Fn(&str, Option<&str>) -> String,
) -> (Vec<TableMatch>, Vec<Finding>) {
    let mut findings = Findings::new(options);
    let sources: Vec<&Table> = schema.tables.iter().filter(|table| is_chosen(&table.name, options)).collect();
    let wanted: Vec<Wanted> = sources
        .iter()
        .map(|table| Wanted {
            source: table.name.clone(),
            renamed: rename(options, &table.name),
            styled: names(&table.name, None),
        })
        .collect();
    let candidates: Vec<&TargetTable> = target.tables.iter().filter(|table| !is_ours(&table.name)).collect();
    let found = pair(&wanted, &candidates.iter().map(|table| table.name.as_str()).collect::<Vec<_>>());
    let mut matches = Vec::new();
    for ((source, name), found) in sources.into_iter().zip(&wanted).zip(found) {
        let into = match found {
            Found::Exact(at) => candidates[at],
            Found::Near(at) => {
                findings.add(Finding {
                    message: format!("the table goes into `{}`, the only one with a name like it", candidates[at].name),
                    ..of_table("name-matched", Level::Note, &source.name)
                });
                candidates[at]
            }
            Found::Several(near) => {
                let near = near.into_iter().map(|at| candidates[at].name.as_str()).collect::<Vec<_>>();
                findings.missing_table(source, name, target, &near);
                continue;
            }
            Found::Nothing => {
                match ousted(name, &wanted) {
                    Some(by) => findings.ousted(&source.name, None, name, by),
                    None => findings.missing_table(source, name, target, &[]),
                }
                continue;
            }
        };
        let columns = match_columns(source, into, options, &names, &mut findings);
        matches.push(TableMatch {
            source: source.name.clone(),
            target: into.name.clone(),
            columns,
            rows: into.rows,
            set_aside: target.may_set_aside(into),
            ..TableMatch::default()
        });
        findings.table(source, into, target);
    }
    let filled: BTreeSet<String> = matches.iter().map(|table| table.target.clone()).collect();
    for table in &mut matches {
        foreign_keys(table, target, &filled, &mut findings);
        if options.truncate {
            findings.truncate(table, target, &filled);
        }
    }
    findings.circle(&matches, target);
    for table in candidates.into_iter().filter(|table| !filled.contains(&table.name) && table.partition_of.is_none()) {
        let rows = match table.rows {
            Rows::Some => "it holds rows, and they stay as they are",
            Rows::Empty => "it is empty, and stays so",
            Rows::Unknown => "whether it holds rows can't be seen by this role",
        };
        findings.add(Finding {
            code: "extra-table".to_owned(),
            object: Some(table.name.clone()),
            message: format!("the target has a table `{}` that no table of the source goes into; {rows}", table.name),
            ..Finding::default()
        });
    }
    (matches, findings.into_vec())
}

/// Who takes by a rename what this one would have had, and that.
fn ousted<'a>(name: &'a Wanted, all: &'a [Wanted]) -> Option<(&'a str, &'a str)> {
    let own = name.renamed.as_ref().map_or_else(|| vec![&name.styled, &name.source], |renamed| vec![renamed]);
    let mut others = all.iter().filter(|other| other.source != name.source);
    others.find_map(|other| {
        let renamed = other.renamed.as_ref()?;
        own.contains(&renamed).then_some((other.source.as_str(), renamed.as_str()))
    })
}

fn match_columns(
    source: &Table,
    into: &TargetTable,
    options: &Options,
    names: &impl Fn(&str, Option<&str>) -> String,
    findings: &mut Findings<'_>,
) -> Vec<ColumnPair> {
    let wanted: Vec<Wanted> = source
        .columns
        .iter()
        .map(|column| Wanted {
            source: column.name.clone(),
            renamed: rename(options, &format!("{}.{}", source.name, column.name)),
            styled: names(&source.name, Some(&column.name)),
        })
        .collect();
    let found = pair(&wanted, &into.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>());
    let mut pairs = Vec::new();
    let mut taken = BTreeSet::new();
    for ((column, name), found) in source.columns.iter().zip(&wanted).zip(found) {
        let to = match found {
            Found::Exact(at) => &into.columns[at],
            Found::Near(at) => {
                let to = &into.columns[at];
                findings.add(Finding {
                    message: format!("the column goes into `{}`, the only one with a name like it", to.name),
                    ..of_column("name-matched", Level::Note, &source.name, &column.name)
                });
                to
            }
            Found::Several(near) => {
                let near: Vec<&str> = near.into_iter().map(|at| into.columns[at].name.as_str()).collect();
                findings.missing_column(source, column, name, into, &near);
                continue;
            }
            Found::Nothing => {
                match ousted(name, &wanted) {
                    Some(by) => findings.ousted(&source.name, Some(&column.name), name, by),
                    None => findings.missing_column(source, column, name, into, &[]),
                }
                continue;
            }
        };
        let Some(pg_type) = to.pg_type.clone() else {
            findings.no_conversion(source, column, to);
            continue;
        };
        taken.insert(to.name.as_str());
        findings.column(source, column, to);
        pairs.push(column_pair(&column.name, to, pg_type));
    }
    for column in into.columns.iter().filter(|column| !taken.contains(column.name.as_str())) {
        findings.extra_column(source, into, column);
    }
    pairs
}

fn column_pair(source: &str, to: &TargetColumn, pg_type: PgType) -> ColumnPair {
    ColumnPair {
        source: source.to_owned(),
        target: to.name.clone(),
        pg_type,
        fraction_digits: to.fraction_digits,
        not_null: to.not_null,
        default: to.default.clone(),
        identity: to.identity,
        generated: to.generated.is_some(),
    }
}

/// What its foreign keys mean for the copy: they are off, or they put an order on it.
fn foreign_keys(table: &mut TableMatch, target: &TargetSchema, filled: &BTreeSet<String>, findings: &mut Findings<'_>) {
    let mut off = Vec::new();
    let mut is_owner = true;
    for key in target.foreign_keys(&table.target).filter(|key| !key.is_unenforced()) {
        if target.server.may_create && key.may_restore {
            off.push(format!("`{}`", key.name));
            continue;
        }
        if key.parent_of.contains(&table.target) {
            table.refers_to_itself = true;
            is_owner &= key.may_restore;
        }
        let parents = key.parent_of.iter().filter(|parent| **parent != table.target && filled.contains(*parent));
        table.parents.extend(parents.cloned());
    }
    table.parents.sort_unstable();
    table.parents.dedup();
    if !off.is_empty() {
        findings.add(Finding {
            message: format!(
                "taken off for the copy, and put back and validated after it: the foreign keys {}",
                off.join(", ")
            ),
            ..of_table("foreign-keys-off", Level::Note, &table.source)
        });
    }
    if table.refers_to_itself {
        findings.add(Finding {
            message: format!(
                "`{}` refers to itself by a foreign key that this role can't take off for the copy: a row that comes \
                 before the one it refers to stops the run",
                table.target
            ),
            choices: vec![
                to_take_off(target, is_owner),
                "accept it, where parents come before their children: `--accept self-reference`".to_owned(),
            ],
            ..of_table("self-reference", Level::Blocker, &table.source)
        });
    }
}

/// The privilege that the chosen way of writing needs and that we lack.
pub(super) fn missing_privilege(table: &TargetTable, options: &Options) -> Option<&'static str> {
    [
        (table.may_insert, "INSERT"),
        // what was written is read back
        (table.may_select, "SELECT"),
        (table.may_truncate || !options.truncate, "TRUNCATE"),
        (table.may_update || options.on_conflict != Some(OnConflict::Replace), "UPDATE"),
    ]
    .into_iter()
    .find_map(|(may, name)| (!may).then_some(name))
}

fn is_chosen(name: &str, options: &Options) -> bool {
    let any = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, name));
    (options.include.is_empty() || any(&options.include)) && !any(&options.exclude)
}

/// The tables in which a port keeps its own books.
pub(super) fn is_ours(name: &str) -> bool {
    name.starts_with("liftlock_port_")
}

fn rename(options: &Options, key: &str) -> Option<String> {
    let exact = options.renames.get(key);
    let renamed = exact.or_else(|| {
        options.renames.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, renamed)| renamed)
    });
    renamed.cloned()
}
