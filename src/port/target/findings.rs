//! What stands in the way of filling tables that are there already, in sentences with the choices there are.

use std::collections::BTreeSet;

use super::matching::{TableMatch, is_ours, missing_privilege};
use super::names::Wanted;
use super::order::fill_order;
use super::schema::{ConstraintKind, OtherKind, Rows, TargetColumn, TargetSchema, TargetTable};
use crate::port::bookkeeping;
use crate::port::options::Options;
use crate::port::plan::{Finding, Level};
use crate::schema::{Column, Table};

/// The findings so far.
pub(super) struct Findings<'a> {
    options: &'a Options,
    list: Vec<Finding>,
}

/// A finding about a table of the source.
pub(super) fn of_table(code: &str, level: Level, table: &str) -> Finding {
    Finding { code: code.to_owned(), level, table: Some(table.to_owned()), ..Finding::default() }
}

/// A finding about a column, a trigger or a constraint of a table.
pub(super) fn of_column(code: &str, level: Level, table: &str, object: &str) -> Finding {
    Finding { object: Some(object.to_owned()), ..of_table(code, level, table) }
}

/// How foreign keys or triggers that stay on can be taken off for the copy: by the owner of their tables, who must be able
/// to write down what puts them back.
pub(super) fn to_take_off(target: &TargetSchema, is_owner: bool) -> String {
    if !is_owner || target.server.may_create {
        return "connect as the owner of the table".to_owned();
    }
    let (schema, role) = (super::quoted(&target.name), super::quoted(&target.server.role));
    format!(
        "let the owner of the schema do `GRANT CREATE ON SCHEMA {schema} TO {role}`: what is taken off for the copy is \
         written into a table there first"
    )
}

impl<'a> Findings<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        Self { options, list: Vec::new() }
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.list
    }

    /// Adds a finding, accepted where a person has accepted its like, or it alone.
    pub(super) fn add(&mut self, mut finding: Finding) {
        let code = &finding.code;
        let mut words = vec![code.clone()];
        for name in [&finding.table, &finding.object].into_iter().flatten() {
            words.push(format!("{code}:{name}"));
        }
        if let (Some(table), Some(object)) = (&finding.table, &finding.object) {
            words.push(format!("{code}:{table}.{object}"));
        }
        finding.accepted = self.options.accept.iter().any(|accepted| words.contains(accepted));
        self.list.push(finding);
    }

    pub(super) fn missing_table(&mut self, table: &Table, wanted: &Wanted, target: &TargetSchema, near: &[&str]) {
        let name = &table.name;
        let other = target.others.iter().find(|other| match &wanted.renamed {
            Some(renamed) => other.name == *renamed,
            None => other.name == wanted.styled || other.name == *name,
        });
        let made = wanted.renamed.as_ref().unwrap_or(&wanted.styled);
        let carried = bookkeeping::is_carried(name);
        if (self.options.create_missing || carried)
            && near.is_empty()
            && other.is_none()
            && target.table(made).is_none()
        {
            let whose = if carried { ", in which Liftlock writes down what it did" } else { "" };
            let message = format!("the target has no table `{made}`{whose}: it is made");
            return self.add(Finding { message, ..of_table("create-missing", Level::Note, name) });
        }
        let message = match (other, &wanted.renamed) {
            (Some(other), _) => {
                let what = match other.kind {
                    OtherKind::View => "a view",
                    OtherKind::MaterializedView => "a materialized view",
                    OtherKind::ForeignTable => "a foreign table",
                };
                format!("`{}` is {what} in the target, and rows can't be copied into one", other.name)
            }
            (None, Some(renamed)) => {
                format!(
                    "`{name}` is to go into `{renamed}`, but the target's schema `{}` has no such table that is still free",
                    target.name
                )
            }
            (None, None) if near.is_empty() => {
                format!("the target's schema `{}` has no table for `{name}`: its rows would be lost", target.name)
            }
            (None, None) => format!(
                "the target has no table `{}`, and several with a name like it: {}",
                wanted.styled,
                listed(near)
            ),
        };
        self.add(Finding {
            message,
            choices: vec![
                format!("name the table that takes its rows: `--rename {name}=NAME`"),
                format!("leave the table out: `--exclude {name}`"),
                "let missing tables be made: `--create-missing`".to_owned(),
            ],
            ..of_table("missing-table", Level::Blocker, name)
        });
    }

    /// A table, or a column of one, whose place in the target another has by a rename.
    pub(super) fn ousted(&mut self, table: &str, column: Option<&str>, name: &Wanted, (by, own): (&str, &str)) {
        let (code, what) = if column.is_some() { ("missing-column", "values") } else { ("missing-table", "rows") };
        let source = &name.source;
        let (of, path) = match column {
            Some(column) => (format!(" of `{table}`"), format!("{table}.{column}")),
            None => (String::new(), table.to_owned()),
        };
        let mut choices = vec![
            format!("name what takes its {what}: `--rename {path}=NAME`, or take the rename of `{by}` away"),
            format!("leave the table out: `--exclude {table}`"),
        ];
        if column.is_some() {
            choices.insert(1, format!("leave its values behind: `--accept missing-column:{path}`"));
        }
        self.add(Finding {
            object: column.map(str::to_owned),
            message: format!(
                "`{by}` and `{source}`{of} are both to go into `{own}`: only one of them can, and the {what} of `{source}` \
                 would be lost"
            ),
            choices,
            ..of_table(code, Level::Blocker, table)
        });
    }

    pub(super) fn missing_column(
        &mut self,
        table: &Table,
        column: &Column,
        wanted: &Wanted,
        into: &TargetTable,
        near: &[&str],
    ) {
        let (table, name) = (&table.name, &column.name);
        let message = match &wanted.renamed {
            Some(renamed) => format!(
                "`{name}` is to go into `{renamed}`, but the target's table `{}` has no such column that is still free",
                into.name
            ),
            None if near.is_empty() => {
                format!("the target's table `{}` has no column for `{name}`: its values would be lost", into.name)
            }
            None => format!(
                "the target's table `{}` has no column `{}`, and several with a name like it: {}",
                into.name,
                wanted.styled,
                listed(near)
            ),
        };
        self.add(Finding {
            message,
            choices: vec![
                format!("name the column that takes its values: `--rename {table}.{name}=NAME`"),
                "add the column to the target, by a migration of the application's".to_owned(),
                format!("leave its values behind: `--accept missing-column:{table}.{name}`"),
                format!("leave the table out: `--exclude {table}`"),
            ],
            ..of_column("missing-column", Level::Blocker, table, name)
        });
    }

    pub(super) fn no_conversion(&mut self, table: &Table, column: &Column, to: &TargetColumn) {
        let (table, name) = (&table.name, &column.name);
        self.add(Finding {
            message: format!(
                "`{}` has the type `{}` in the target, and there is no conversion to it: the values of `{name}` would be \
                 lost",
                to.name, to.type_name
            ),
            choices: vec![
                "give the column another type in the target".to_owned(),
                format!("leave its values behind: `--accept no-conversion:{table}.{name}`"),
                format!("leave the table out: `--exclude {table}`"),
            ],
            ..of_column("no-conversion", Level::Blocker, table, name)
        });
    }

    /// What is peculiar about a column that takes values.
    pub(super) fn column(&mut self, table: &Table, column: &Column, to: &TargetColumn) {
        if to.generated.is_some() {
            self.add(Finding {
                message: format!(
                    "the target computes `{}` itself: its values are not copied, but compared with the source's",
                    to.name
                ),
                ..of_column("generated-target", Level::Note, &table.name, &column.name)
            });
        }
        if let Some(digits) = to.fraction_digits {
            self.add(Finding {
                message: format!(
                    "`{}` keeps {digits} digits of a second (`{}`): the server rounds a value with more",
                    to.name, to.type_name
                ),
                ..of_column("fraction-digits", Level::Note, &table.name, &column.name)
            });
        }
    }

    pub(super) fn extra_column(&mut self, table: &Table, into: &TargetTable, column: &TargetColumn) {
        let filled = match (&column.default, column.identity, &column.generated) {
            _ if column.generated.is_some() => "the target computes it".to_owned(),
            _ if column.identity.is_some() => "its identity fills it".to_owned(),
            (Some(default), ..) => format!("its default fills it: `{default}`"),
            _ if column.not_null => return self.required_column(table, into, column),
            _ => "it stays NULL".to_owned(),
        };
        self.add(Finding {
            message: format!("no column of the source goes into `{}` of the target; {filled}", column.name),
            ..of_column("extra-column", Level::Note, &table.name, &column.name)
        });
    }

    fn required_column(&mut self, table: &Table, into: &TargetTable, column: &TargetColumn) {
        let (table, name) = (&table.name, &column.name);
        self.add(Finding {
            message: format!(
                "the target's `{}`.`{name}` is NOT NULL without a default, and no column of the source goes into it: \
                 no row can be written",
                into.name
            ),
            choices: vec![
                format!("name the source's column that goes into it: `--rename {table}.COLUMN={name}`"),
                "give it a default in the target".to_owned(),
                format!("leave the table out: `--exclude {table}`"),
            ],
            ..of_column("required-column", Level::Blocker, table, name)
        });
    }

    /// What stands in the way of filling `into`.
    pub(super) fn table(&mut self, source: &Table, into: &TargetTable, target: &TargetSchema) {
        let (name, to) = (&source.name, &into.name);
        let mut add = |code: &str, level, message: String, choices: &[&str]| {
            let choices = choices.iter().map(|&choice| choice.to_owned()).collect();
            self.add(Finding { message, choices, ..of_table(code, level, name) });
        };
        if let Some(parent) = &into.partition_of {
            let message = format!("`{to}` is a partition of `{parent}`, which is what can be filled");
            add("partition", Level::Blocker, message, &["rename, so that the rows go into the partitioned table"]);
        } else if into.has_heirs {
            let message = format!("other tables inherit from `{to}`, so that their rows show in it as its own");
            add("inherited", Level::Blocker, message, &["leave the table out with `--exclude`, and copy it by hand"]);
        } else if into.partitioned {
            let message = format!("`{to}` is partitioned: a row that fits none of its partitions stops the run");
            add("partitioned", Level::Note, message, &[]);
        }
        if let Some(privilege) = missing_privilege(into, self.options) {
            let role = &target.server.role;
            let grant =
                format!("GRANT {privilege} ON {} TO {}", super::qualified(&target.name, to), super::quoted(role));
            self.add(Finding {
                message: format!("the role `{role}` lacks the privilege {privilege} on `{to}`"),
                choices: vec![format!("connect as the owner of the table, or let the owner do `{grant}`")],
                ..of_table("no-privilege", Level::Blocker, name)
            });
        }
        self.rows_and_policies(name, into, target);
        self.triggers(name, into, target);
        self.sequences(source, into, target);
    }

    fn rows_and_policies(&mut self, name: &str, into: &TargetTable, target: &TargetSchema) {
        let to = &into.name;
        if into.row_security_active {
            self.add(Finding {
                message: format!(
                    "row-level security applies to the role `{}` on `{to}`: rows could be refused, and what is there \
                     could not be read back whole",
                    target.server.role
                ),
                choices: vec![
                    "connect as a role that has BYPASSRLS, or as the owner where it is not forced".to_owned(),
                ],
                ..of_table("row-security", Level::Blocker, name)
            });
        } else if into.rows == Rows::Some && !self.options.truncate && self.options.on_conflict.is_none() {
            self.add(Finding {
                message: format!("`{to}` holds rows already"),
                choices: vec![
                    "empty the tables first: `--truncate`".to_owned(),
                    "keep its rows, and say what becomes of a row whose key is there already: \
                     `--on-conflict error|skip|replace`"
                        .to_owned(),
                ],
                ..of_table("target-not-empty", Level::Blocker, name)
            });
        }
    }

    fn triggers(&mut self, name: &str, into: &TargetTable, target: &TargetSchema) {
        let mut seen = BTreeSet::new();
        for trigger in &target.triggers {
            // a partition's own copy of a trigger has the same name
            let fires = matches!(trigger.enabled, 'O' | 'A') && trigger.of.contains(&into.name);
            if !fires || !seen.insert(&trigger.name) {
                continue;
            }
            if target.server.may_create && trigger.may_restore {
                self.add(Finding {
                    message: format!(
                        "the target's trigger `{}` is switched off for the copy, and on again after it: it does not \
                         fire for the rows that are copied",
                        trigger.name
                    ),
                    ..of_column("trigger-off", Level::Note, name, &trigger.name)
                });
            } else {
                self.add(Finding {
                    message: format!(
                        "the target's trigger `{}` fires for every row that is copied, and may change it: the role `{}` \
                         can't switch it off",
                        trigger.name, target.server.role
                    ),
                    choices: vec![
                        to_take_off(target, trigger.may_restore),
                        format!("let it fire: `--accept triggers-on:{}`", trigger.name),
                    ],
                    ..of_column("triggers-on", Level::Blocker, name, &trigger.name)
                });
            }
        }
    }

    fn sequences(&mut self, source: &Table, into: &TargetTable, target: &TargetSchema) {
        for column in &into.columns {
            for sequence in target
                .sequences_of(&into.name, &column.name)
                .filter(|sequence| !(sequence.may_set && sequence.may_read))
            {
                let role = &target.server.role;
                let grant = format!(
                    "GRANT ALL ON SEQUENCE {} TO {}",
                    super::qualified(&sequence.schema, &sequence.name),
                    super::quoted(role)
                );
                self.add(Finding {
                    message: format!(
                        "the role `{role}` may not set the sequence `{}`, from which `{}` takes its values: new rows would \
                         collide with those that are copied",
                        sequence.name, column.name
                    ),
                    choices: vec![format!("connect as the owner of the table, or let the owner do `{grant}`")],
                    ..of_column("no-privilege", Level::Blocker, &source.name, &sequence.name)
                });
            }
            let calls = column.default.as_deref().is_some_and(|default| default.contains("nextval("));
            if calls && target.sequences_of(&into.name, &column.name).next().is_none() {
                self.add(Finding {
                    message: format!(
                        "the default of `{}` takes values from a sequence that it finds only when it runs: set that \
                         sequence by hand after the copy",
                        column.name
                    ),
                    ..of_column("sequence-unknown", Level::LeftOut, &source.name, &column.name)
                });
            }
        }
    }

    /// TRUNCATE refuses a table that others refer to, unless they are emptied with it.
    pub(super) fn truncate(&mut self, table: &TableMatch, target: &TargetSchema, filled: &BTreeSet<String>) {
        let children: BTreeSet<String> = target
            .constraints
            .iter()
            .filter(|key| key.kind == ConstraintKind::ForeignKey && key.parent_of.contains(&table.target))
            .filter(|key| !key.of.iter().any(|of| filled.contains(of) || is_ours(of)))
            .map(|key| format!("`{}`.`{}`", key.schema, key.table))
            .collect();
        if !children.is_empty() {
            let children: Vec<&str> = children.iter().map(String::as_str).collect();
            self.add(Finding {
                message: format!(
                    "`{}` can't be emptied: tables that are not ported refer to it by foreign keys: {}",
                    table.target,
                    children.join(", ")
                ),
                choices: vec![
                    "keep its rows: `--on-conflict skip` or `replace` instead of `--truncate`".to_owned(),
                    "take these foreign keys off for the time of the port".to_owned(),
                ],
                ..of_table("truncate-referenced", Level::Blocker, &table.source)
            });
        }
    }

    /// Tables that can be put in no order.
    pub(super) fn circle(&mut self, matches: &[TableMatch], target: &TargetSchema) {
        if let Err(cycle) = fill_order(matches) {
            let mut keys = cycle.tables.iter().flat_map(|table| target.foreign_keys(table));
            let own = keys.all(|key| key.may_restore) && !target.server.may_create;
            let choice = if own { Some(to_take_off(target, true)) } else { cycle.hint() };
            self.add(Finding {
                message: format!("{cycle} by foreign keys that this role can't take off for the copy"),
                choices: choice.into_iter().collect(),
                code: "foreign-key-circle".to_owned(),
                level: Level::Blocker,
                ..Finding::default()
            });
        }
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
