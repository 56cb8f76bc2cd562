//! From a list of files to the texts of the migrations among them, and to the layout that they show.

use std::path::Path;

use super::error::{LayoutError, Problem};
use super::names::{self, DieselPart, Form, Refusal};
use super::piece::Loaded;
use super::source::Source;
use super::{Layout, Style, dbmate, goose, sqlx, text};
use crate::Dialect;

/// The files of `source` that are migrations, with their texts; whatever else looks like one becomes a problem.
pub(super) fn load(source: &dyn Source, root: &Path, problems: &mut Vec<Problem>) -> Result<Vec<Loaded>, LayoutError> {
    let mut loaded = Vec::new();
    let mut strays: Vec<String> = Vec::new();
    for file in source.files()? {
        let path = root.join(&file).display().to_string();
        let (folder, _) = file.rsplit_once('/').unwrap_or(("", &file));
        let parts: Vec<&str> = file.split('/').collect();
        let dialect = Dialect::ALL.into_iter().find(|dialect| dialect.folder_names().contains(&parts[0]));
        let (scope, parts) = match dialect {
            Some(dialect) if parts.len() > 1 => (Some(dialect), &parts[1..]),
            _ => (None, &parts[..]),
        };
        let form = match *parts {
            [name] => match names::classify(name) {
                Ok(Some(form)) => form,
                Ok(None) => continue,
                Err(refusal) => {
                    problems.push(match refusal {
                        Refusal::FitsNone => Problem::NoSuchName { path, layout: None },
                        Refusal::NeedsProgram(program) => Problem::NeedsProgram { path, program },
                        Refusal::NotSupported(what) => Problem::NotSupported { path, what },
                    });
                    continue;
                }
            },
            [folder, name] => match (names::diesel_folder(folder), names::diesel_part(name)) {
                (Some((version, name)), Some(part)) => Form::Diesel { version, name, part },
                _ => {
                    note_stray(root, &file, &mut strays, problems);
                    continue;
                }
            },
            _ => {
                note_stray(root, &file, &mut strays, problems);
                continue;
            }
        };
        match text::decode(&path, source.read(&file)?) {
            Ok(text) => loaded.push(Loaded { path, folder: folder.to_owned(), scope, form, text }),
            Err(problem) => problems.push(problem),
        }
    }
    Ok(loaded)
}

/// A file in a sub-folder that isn't read: one that looks like a migration is a problem, once a folder. refinery's
/// `embed_migrations!` would take it, and leaving it out without a word could mean half a schema.
fn note_stray(root: &Path, file: &str, strays: &mut Vec<String>, problems: &mut Vec<Problem>) {
    let Some((folder, name)) = file.rsplit_once('/') else { return };
    let looks_like_one = match names::classify(name) {
        Ok(form) => form.is_some(),
        Err(Refusal::NotSupported(_)) => true,
        Err(Refusal::NeedsProgram(_)) => name.starts_with('V'),
        Err(Refusal::FitsNone) => matches!(names::diesel_part(name), Some(DieselPart::Up | DieselPart::Down)),
    };
    if looks_like_one && !strays.iter().any(|seen| seen == folder) {
        strays.push(folder.to_owned());
        let show = |path: &str| root.join(path).display().to_string();
        problems.push(Problem::StrayFolder { folder: show(folder), path: show(file) });
    }
}

/// The layout of the files: the one `given`, which each of them must then fit, or else the one they show.
pub(super) fn layout_of(loaded: &[Loaded], given: Option<Layout>, problems: &mut Vec<Problem>) -> Option<Layout> {
    let layout = match given {
        Some(layout) => {
            let misfits = loaded.iter().filter(|file| !fits(layout, &file.form));
            problems.extend(misfits.map(|file| Problem::NotInLayout { path: file.path.clone(), layout }));
            Some(layout)
        }
        None => shown(loaded, problems),
    };
    for problem in problems {
        if let Problem::NoSuchName { layout: unknown, .. } = problem {
            *unknown = layout;
        }
    }
    layout
}

fn fits(layout: Layout, form: &Form) -> bool {
    match layout {
        Layout::Liftlock => matches!(form, Form::Versioned { .. }),
        Layout::GolangMigrate => matches!(form, Form::Reversible { .. }),
        Layout::Sqlx => matches!(form, Form::Reversible { .. } | Form::Single { .. }),
        Layout::SqlxSimple | Layout::Dbmate | Layout::Goose => matches!(form, Form::Single { .. }),
        Layout::Diesel => matches!(form, Form::Diesel { .. }),
        Layout::Flyway => {
            matches!(form, Form::Versioned { down: false, .. } | Form::Described { .. } | Form::Undo { .. })
        }
    }
}

/// The layout that the files show; files of two are a problem that names one of each.
fn shown<'a>(loaded: &'a [Loaded], problems: &mut Vec<Problem>) -> Option<Layout> {
    let mut evidence: Vec<(Layout, &str)> = Vec::new();
    let mut see = |layout: Layout, file: &'a Loaded| {
        if !evidence.iter().any(|(seen, _)| *seen == layout) {
            evidence.push((layout, &file.path));
        }
    };
    let described = |file: &Loaded| matches!(file.form, Form::Described { .. });
    let down = |file: &Loaded| matches!(file.form, Form::Versioned { down: true, .. });
    let refused_down =
        |problem: &Problem| matches!(problem, Problem::NoSuchName { path, .. } if path.ends_with(".down.sql"));
    // only we have `.down.sql` beside such names: a name there that Flyway alone would take is a slip
    let slip = loaded.iter().any(described) && (loaded.iter().any(down) || problems.iter().any(refused_down));
    // `V1__name.sql` alone says little: it is ours unless something beside it is Flyway's
    let flyway = loaded.iter().any(|file| matches!(file.form, Form::Undo { .. }) || (described(file) && !slip));
    let sqlx = loaded.iter().any(|file| matches!(file.form, Form::Reversible { .. }) && sqlx::is_marked(&file.text));
    for file in loaded {
        match &file.form {
            Form::Versioned { down: false, .. } if flyway => see(Layout::Flyway, file),
            Form::Versioned { .. } => see(Layout::Liftlock, file),
            Form::Described { .. } if slip && !flyway => {
                problems.push(Problem::NotInLayout { path: file.path.clone(), layout: Layout::Liftlock });
            }
            Form::Described { .. } | Form::Undo { .. } => see(Layout::Flyway, file),
            // golang-migrate has no such marker, so the files that share its names are sqlx's
            Form::Reversible { .. } if sqlx => see(Layout::Sqlx, file),
            Form::Reversible { .. } => see(Layout::GolangMigrate, file),
            Form::Diesel { .. } => see(Layout::Diesel, file),
            Form::Single { .. } => match (goose::is_marked(&file.text), dbmate::is_marked(&file.text)) {
                (false, false) => see(Layout::SqlxSimple, file),
                (goose, dbmate) => {
                    if goose {
                        see(Layout::Goose, file);
                    }
                    if dbmate {
                        see(Layout::Dbmate, file);
                    }
                }
            },
        }
    }
    if let [(first, first_path), (second, second_path), ..] = evidence[..] {
        let (first_path, second_path) = (first_path.to_owned(), second_path.to_owned());
        problems.push(Problem::TwoLayouts { first, first_path, second, second_path });
    }
    evidence.first().map(|(layout, _)| *layout).or(slip.then_some(Layout::Liftlock))
}

/// What new files take over from those that are there.
pub(super) fn style_of(loaded: &[Loaded]) -> Style {
    let mut digits = loaded.iter().filter_map(|file| match &file.form {
        Form::Versioned { digits, .. }
        | Form::Described { digits, .. }
        | Form::Undo { digits, .. }
        | Form::Reversible { digits, .. }
        | Form::Single { digits, .. } => Some(digits.as_str()),
        Form::Diesel { .. } => None,
    });
    let width = digits
        .next()
        .map(|first| digits.chain([first]).filter(|digits| digits.starts_with('0')).map(str::len).max().unwrap_or(1));
    let folder_is = |name: &str| loaded.iter().any(|file| file.folder.split('/').next() == Some(name));
    Style { width, postgresql_folder: folder_is("postgresql") && !folder_is("postgres") }
}
