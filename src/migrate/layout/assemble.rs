//! From scripts to migrations: which up and down belong together, which dialect's take the place of shared ones.

use std::collections::BTreeMap;

use super::error::Problem;
use super::piece::Piece;
use super::{Folder, Layout, text};
use crate::Dialect;
use crate::migrate::Migration;

/// The scripts of one version in one place: the shared one, or a dialect's.
#[derive(Default)]
struct Place {
    ups: Vec<Piece>,
    downs: Vec<Piece>,
}

type Version = BTreeMap<Option<Dialect>, Place>;

/// Puts `pieces` together in `folder`; contradictions between them become problems.
pub(super) fn assemble(folder: &mut Folder, pieces: Vec<Piece>, dialect: Dialect, problems: &mut Vec<Problem>) {
    let mut versions: BTreeMap<i64, Version> = BTreeMap::new();
    for piece in pieces {
        let place = versions.entry(piece.version).or_default().entry(piece.scope).or_default();
        if piece.down { place.downs.push(piece) } else { place.ups.push(piece) }
    }
    let mut in_text_order: Option<(String, String)> = None;
    for (version, mut places) in versions {
        let before = problems.len();
        check(version, &places, folder.layout, problems);
        if problems.len() > before {
            continue;
        }
        let mut shared = places.remove(&None).unwrap_or_default();
        let mut own = places.remove(&Some(dialect)).unwrap_or_default();
        let (up, down) = match (own.ups.pop(), shared.ups.pop()) {
            (Some(up), _) => (up, own.downs.pop()),
            (None, Some(up)) => (up, own.downs.pop().or(shared.downs.pop())),
            (None, None) => {
                let others = places.iter().filter_map(|(scope, place)| Some((place.ups.first()?, (*scope)?)));
                folder.other_dialect_only.extend(others.map(|(up, scope)| (version, up.name.clone(), scope)));
                continue;
            }
        };
        check_text_order(folder.layout, &up, &mut in_text_order, problems);
        let migration = pair(up, down, folder.layout, dialect);
        if let Some(down) = &migration.down
            && !text::has_statement(&down.text)
            && migration.up.directives.irreversible.is_none()
        {
            folder.empty_downs.push(down.path.clone());
        }
        folder.migrations.push(migration);
    }
}

/// What must hold for a version whichever dialect is asked for.
fn check(version: i64, places: &Version, layout: Layout, problems: &mut Vec<Problem>) {
    let path = |piece: &Piece| piece.script.path.clone();
    let before = problems.len();
    for place in places.values() {
        let many = if place.ups.len() > 1 { &place.ups } else { &place.downs };
        if many.len() > 1 {
            problems.push(Problem::Duplicate { version, paths: many.iter().map(path).collect() });
        }
    }
    if problems.len() > before {
        return;
    }
    let shared = places.get(&None);
    let shared_up = shared.and_then(|place| place.ups.first());
    let shared_down = shared.and_then(|place| place.downs.first());
    for (scope, place) in places {
        let (up, down) = (place.ups.first(), place.downs.first());
        let base = if scope.is_some() { shared_up } else { None };
        let Some(taken_back) = up.or(base) else {
            problems.extend(down.map(|down| Problem::DownWithoutUp { path: path(down) }));
            continue;
        };
        // elsewhere the tools go by the version alone, and their users name the two differently
        if let Some(down) = down
            && layout == Layout::Liftlock
            && down.name != taken_back.name
        {
            problems.push(Problem::DownNamedOtherwise { up: path(taken_back), down: path(down) });
        }
        if let (Some(own), Some(shared)) = (up, base) {
            if own.name != shared.name {
                problems.push(Problem::OverrideNamedOtherwise { shared: path(shared), own: path(own) });
            } else if let Some(shared_down) = shared_down
                && down.is_none()
                && !own.whole
                && own.script.directives.irreversible.is_none()
            {
                problems.push(Problem::OverrideWithoutDown { up: path(own), shared_down: path(shared_down) });
            }
        }
        let down = down.or(if up.is_none() { shared_down } else { None });
        check_irreversible(taken_back, down, problems);
    }
}

fn check_irreversible(up: &Piece, down: Option<&Piece>, problems: &mut Vec<Problem>) {
    let Some(down) = down else { return };
    let saying = [up, down].into_iter().find(|piece| piece.script.directives.irreversible.is_some());
    if let Some(saying) = saying
        && text::has_statement(&down.script.text)
    {
        let problem =
            Problem::IrreversibleWithDown { path: saying.script.path.clone(), down: down.script.path.clone() };
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
}

/// The tools that order by text agree with the numbers where all versions are equally long; elsewhere they may not.
fn check_text_order(layout: Layout, up: &Piece, before: &mut Option<(String, String)>, problems: &mut Vec<Problem>) {
    let Some(order) = &up.text_order else { return };
    if let Some((previous, path)) = before.as_ref()
        && order < previous
    {
        let (first, second) = (up.script.path.clone(), path.clone());
        problems.push(Problem::TextOrder { layout, first, second });
    }
    *before = Some((order.clone(), up.script.path.clone()));
}

fn pair(up: Piece, down: Option<Piece>, layout: Layout, dialect: Dialect) -> Migration {
    let Piece { scope, version, name, script: mut up, .. } = up;
    let mut down = down.map(|down| down.script);
    if let Some(down) = &mut down {
        // whichever file says it, it is said of the migration
        let why = up.directives.irreversible.take().or(down.directives.irreversible.take());
        up.directives.irreversible.clone_from(&why);
        down.directives.irreversible = why;
    }
    if layout.foreign_keys_default_off() && dialect == Dialect::Sqlite {
        up.directives.foreign_keys_off = true;
        down.iter_mut().for_each(|down| down.directives.foreign_keys_off = true);
    }
    Migration { version, name, dialect: scope, up, down }
}
