//! What has no counterpart of ours, and yet is in a target that the application has made: it is the application's own.

use crate::port::target::{OtherKind, TargetSchema};

use super::names::Names;
use super::{Level, Plan};

/// Makes notes of findings about triggers, views and virtual tables where the target has something of that name.
pub(super) fn settle(plan: &mut Plan, names: &Names, target: &TargetSchema) {
    let tables = &plan.tables;
    for finding in plan.findings.iter_mut().filter(|finding| finding.level == Level::LeftOut) {
        let table = finding.table.as_deref().unwrap_or_default();
        let object = finding.object.as_deref().unwrap_or_default();
        let what = match finding.code.as_str() {
            "trigger" => {
                let on = tables.iter().find(|one| one.source == table).map_or(table, |one| one.target.as_str());
                let is_it = |name: &str| name.eq_ignore_ascii_case(object);
                let mut of_table = target.triggers.iter().filter(|trigger| trigger.of.iter().any(|of| of == on));
                of_table.any(|trigger| is_it(&trigger.name)).then(|| format!("trigger `{object}` on `{on}`"))
            }
            "view" => {
                let mut views = target.others.iter().filter(|other| other.kind != OtherKind::ForeignTable);
                let name = names.view(object);
                views.any(|view| view.name == name).then(|| format!("view `{name}`"))
            }
            "virtual-table" => {
                let mut all =
                    target.tables.iter().map(|one| &one.name).chain(target.others.iter().map(|one| &one.name));
                all.any(|name| name == table).then(|| format!("table or view `{table}`"))
            }
            _ => None,
        };
        if let Some(what) = what {
            finding.code = "is-there".to_owned();
            finding.level = Level::Note;
            finding.message = format!("the target has a {what}, which stays as it is; it is not looked into");
        }
    }
}
