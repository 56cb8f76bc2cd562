//! Whether the target's schema is made by the project's own migrations instead of being translated, and making it so.

use std::cmp::Reverse;

use super::planning::identity;
use crate::config::Target;
use crate::db::{Access, BulkDb, Db, PostgresDb, Snapshot};
use crate::migrate::history::{Standing, State};
use crate::migrate::layout::Folder;
use crate::migrate::script::{Mode, Piece};
use crate::migrate::{self, MigrateError, Migrator, UpTo};
use crate::port::checkpoint::Unfinished;
use crate::port::error::PortError;
use crate::port::options::Options;
use crate::port::plan::{Finding, Level, Plan, ViewPlan, assemble};
use crate::port::target::{TargetSchema, match_tables};
use crate::port::translate::objects::searches_another_table;
use crate::port::{Port, bookkeeping};
use crate::{Dialect, schema};

/// Where the target's schema comes from.
#[derive(Debug)]
pub(super) struct Basis {
    way: Way,
    /// Tables of the source that are not copied: our own bookkeeping.
    left_out: Vec<String>,
    /// What a person should know of it.
    pub notes: Vec<String>,
}

#[derive(Debug)]
enum Way {
    /// It is translated from the source's, or there already.
    Translated,
    /// Our migrations have made it; the of a run that goes on, the one that the source records.
    There { version: i64 },
    /// Our migrations make it; what they will have made, where that could be seen beforehand.
    ToBeMade { version: i64, seen: Option<Box<TargetSchema>> },
}

impl Basis {
    /// Our migrations make the schema, or have made it.
    pub fn is_migrations(&self) -> bool {
        !matches!(self.way, Way::Translated)
    }

    /// Up to which version, where they do.
    pub fn version(&self) -> Option<i64> {
        match self.way {
            Way::Translated => None,
            Way::There { version } => Some(version),
            Way::ToBeMade { version, .. } => Some(version),
        }
    }

    /// The options, with what is not copied left out.
    pub fn options(&self, options: &Options) -> Options {
        let mut options = options.clone();
        options.exclude.extend(self.left_out.iter().cloned());
        options
    }

    /// The target as it is planned for: `there` is what it holds now.
    pub fn target(&self, there: TargetSchema, schema: &schema::Schema) -> TargetSchema {
        let mut target = match &self.way {
            Way::ToBeMade { seen: Some(seen), .. } => (**seen).clone(),
            _ => there,
        };
        let copied = self.left_out.is_empty() && schema.table(bookkeeping::TABLES[0]).is_some();
        if !copied && bookkeeping::in_target(&target).is_some() {
            bookkeeping::hide(&mut target);
        }
        target
    }

    /// There are tables of the migrations to plan for, now or on trial; else a dry run does without.
    pub fn is_made(&self) -> bool {
        matches!(self.way, Way::There { .. } | Way::ToBeMade { seen: Some(_), .. })
    }

    /// The migrations make the tables anew, so that what they insert is theirs to be emptied.
    pub fn is_fresh(&self) -> bool {
        matches!(self.way, Way::ToBeMade { .. })
    }

    /// What the source has beside its tables is what the migrations make of it.
    pub fn settle(&self, plan: &mut Plan, target: &TargetSchema) {
        let is_there = |name: &str| target.others.iter().any(|other| other.name == name);
        let migrations = self.is_made();
        let existing = plan.existing;
        let stays = |view: &ViewPlan| is_there(&view.target) && (migrations || existing);
        // what the migrations have made of a view is as it should be; what else is there has to prove itself
        let compared: Vec<ViewPlan> = plan.views.iter().filter(|view| !migrations && stays(view)).cloned().collect();
        plan.views_there.extend(compared);
        plan.views.retain(|view| {
            let message = match (stays(view), migrations) {
                (true, true) => format!("the target has a view `{}`, which stays as it is", view.target),
                (true, false) => {
                    format!("the target has a view `{}`, which stays as it is; it is compared with ours", view.target)
                }
                (false, true) => format!("the migrations make no view `{}`, and so it is not made", view.target),
                _ => return true,
            };
            plan.findings.push(Finding {
                code: "view-of-the-target".to_owned(),
                object: Some(view.source.clone()),
                message,
                ..Finding::default()
            });
            false
        });
        self.settle_findings(plan);
    }

    /// What is left out of the source because the migrations have something else for it.
    pub fn settle_findings(&self, plan: &mut Plan) {
        if self.is_migrations() {
            for finding in plan.findings.iter_mut().filter(|finding| finding.level == Level::LeftOut) {
                let replaced = match finding.code.as_str() {
                    "trigger" | "view" => true,
                    "virtual-table" => finding.examples.iter().any(|sql| searches_another_table(sql)),
                    _ => false,
                };
                if replaced {
                    finding.level = Level::Note;
                    finding.message.push_str(" The migrations say what PostgreSQL has in its place.");
                }
            }
        }
        plan.findings.sort_by_key(|finding| Reverse(finding.level));
    }

    /// Runs the migrations where what they make could not be seen beforehand: the plan needs it.
    pub fn make_unseen(&mut self, port: &Port<'_>, control: &mut BulkDb) -> Result<(), PortError> {
        let Way::ToBeMade { seen: seen @ None, version } = &mut self.way else { return Ok(()) };
        run(port, *version)?;
        *seen = Some(Box::new(TargetSchema::read(control, &port.options.target_schema)?));
        self.notes.push(format!("the migrations up to {version} are applied, whatever becomes of the rest"));
        Ok(())
    }

    /// Runs the migrations where the plan was made of what they will have made.
    pub fn make(&self, port: &Port<'_>, control: &mut BulkDb) -> Result<(), PortError> {
        let Way::ToBeMade { seen: Some(seen), version } = &self.way else { return Ok(()) };
        run(port, *version)?;
        let mut made = TargetSchema::read(control, &port.options.target_schema)?;
        let mut seen = (**seen).clone();
        for schema in [&mut made, &mut seen] {
            bookkeeping::hide(schema);
        }
        if (made.tables, made.others) == (seen.tables, seen.others) {
            return Ok(());
        }
        Err(PortError::Unfit {
            message: format!("the migrations up to {version} have made another schema than they did on trial"),
            hint: "run it again: the schema is there now, and is planned for as it is".to_owned(),
        })
    }
}

/// Looks at both histories, and decides. Nothing is written.
pub(super) fn decide(
    port: &Port<'_>,
    snapshot: &mut Snapshot,
    control: &mut BulkDb,
    unfinished: Option<&Unfinished>,
) -> Result<Basis, PortError> {
    let source = snapshot.with_first(State::read).map_err(migrations("read the source's `schema_migrations`"))?;
    let (ours, extended) = match source.standing {
        Standing::Ours { extended, .. } => (true, extended),
        _ => (false, false),
    };
    if let Some(run) = unfinished {
        // it goes on as it was begun
        let left_out = ours && run.plan.table(bookkeeping::TABLES[0]).is_none();
        let left_out = if left_out { bookkeeping::names() } else { Vec::new() };
        let there = TargetSchema::read(control, &port.options.target_schema)?;
        let recorded = bookkeeping::in_target(&there).is_some();
        let version = source.highest().unwrap_or(0);
        let by_migrations = port.migrations.is_some() && !left_out.is_empty() && run.plan.existing && recorded;
        let way = if by_migrations { Way::There { version } } else { Way::Translated };
        return Ok(Basis { way, left_out, notes: Vec::new() });
    }
    let mut basis = Basis {
        way: Way::Translated,
        left_out: if extended { bookkeeping::names() } else { Vec::new() },
        notes: Vec::new(),
    };
    let (way, note) = match &port.migrations {
        Some(migrator) if ours => by_migrations(port, migrator, &source, snapshot, control)?,
        Some(_) => {
            (Way::Translated, "the source records no migrations of ours: the migrations folder is not used".to_owned())
        }
        None if extended => (
            Way::Translated,
            "`schema_migrations` and its companions tell what was run on SQLite, and are not copied".to_owned(),
        ),
        None => return Ok(basis),
    };
    basis.way = way;
    basis.notes.push(note);
    if basis.is_migrations() {
        basis.left_out = bookkeeping::names();
    }
    Ok(basis)
}

fn by_migrations(
    port: &Port<'_>,
    migrator: &Migrator,
    source: &State,
    snapshot: &Snapshot,
    control: &mut BulkDb,
) -> Result<(Way, String), PortError> {
    let read = |dialect| migrator.read(dialect).map_err(MigrateError::from);
    let folder = read(Dialect::Postgres).map_err(migrations("read the migrations folder"))?;
    let dir = folder.dir.display();
    let Some(highest) = source.highest() else {
        return Ok((
            Way::Translated,
            "the source records no migration as applied: the schema is translated".to_owned(),
        ));
    };
    let Some(version) = folder.migrations.iter().map(|migration| migration.version).filter(|v| *v <= highest).max()
    else {
        let note = format!(
            "`{dir}` has no migrations for PostgreSQL up to version {highest}, which the source records: the schema is \
             translated"
        );
        return Ok((Way::Translated, note));
    };
    check_source(source, &folder, version)?;
    let wanted = &port.options.target_schema;
    let mut db = Db::Postgres(PostgresDb::connect(&port.target)?);
    let state = State::read(&mut db).map_err(migrations("read the target's `schema_migrations`"))?;
    if state.tables.schema != *wanted {
        let schema = &state.tables.schema;
        return Err(unfit(
            format!("the migrations make their tables in the schema `{schema}`, and the port goes into `{wanted}`"),
            format!(
                "port into that one: `--schema {schema}`; or let the connection find the other first: \
                 `…?options=-csearch_path%3D{wanted}`; or have the schema translated: `--no-migrations`"
            ),
        ));
    }
    let recorded = !state.applied.is_empty() || !state.unfinished.is_empty();
    if recorded && matches!(state.standing, Standing::Ours { .. }) {
        check_target(&state, &folder, version)?;
        return Ok((
            Way::There { version },
            format!("the target's schema is that of the migrations in `{dir}` up to {version}"),
        ));
    }
    let schema = snapshot.reader().schema().map_err(|error| PortError::source("the schema", error))?;
    let there = TargetSchema::read(control, wanted)?;
    let options =
        Options { exclude: [port.options.exclude.as_slice(), &bookkeeping::names()].concat(), ..port.options.clone() };
    let (matches, _) = match_tables(&assemble::selected(&schema, &options), &there, &options, identity);
    if let Some(table) = matches.first() {
        let note = format!(
            "the target has tables of the source's already (`{}`), and records no migrations: the folder `{dir}` is not \
             used, and the tables are filled as they are",
            table.target
        );
        return Ok((Way::Translated, note));
    }
    let plan = migrate::plan::up(&folder, &state, UpTo::Version(version), false)
        .map_err(migrations("make the target's schema by the migrations"))?;
    let trial = on_trial(port, &plan);
    let mut note = format!("the target's schema is made by the migrations in `{dir}` up to {version}");
    if port.single_transaction {
        note.push_str("; they are committed before the transaction of the port begins");
    }
    let seen = match trial {
        Ok(seen) => Some(Box::new(seen)),
        Err(reason) => {
            note.push_str(&format!(
                "; they can't be tried in a transaction ({reason}), so that a dry run plans with the translated schema, \
                 and a run makes them before it plans"
            ));
            None
        }
    };
    Ok((Way::ToBeMade { version, seen }, note))
}

/// The folder must go as far as the source does.
fn check_source(source: &State, folder: &Folder, version: i64) -> Result<(), PortError> {
    if let Some(unfinished) = source.unfinished.first() {
        return Err(unfit(
            format!("the source's migration V{}__{} is half done", unfinished.version, unfinished.name),
            "finish it with `liftlock up` or `liftlock down` on the source".to_owned(),
        ));
    }
    let sqlite_only = |version: i64| folder.other_dialect_only.iter().any(|(other, ..)| *other == version);
    let beyond = source.applied.iter().find(|applied| applied.version > version && !sqlite_only(applied.version));
    match beyond {
        None => Ok(()),
        Some(applied) => Err(unfit(
            format!(
                "the source records V{}__{}, and the migrations for PostgreSQL in `{}` go up to {version} only",
                applied.version,
                applied.name,
                folder.dir.display()
            ),
            "bring the folder to the version that the source is at, or have the schema translated: `--no-migrations`"
                .to_owned(),
        )),
    }
}

/// The target must be where the source is.
fn check_target(state: &State, folder: &Folder, version: i64) -> Result<(), PortError> {
    let highest = state.highest().unwrap_or(0);
    let differ = |hint: String| {
        Err(unfit(format!("the target's schema is at version {highest}, and the source's at {version}"), hint))
    };
    if highest > version {
        return differ(format!(
            "take the target back with `liftlock down --to {version}`, or bring the source up with `liftlock up`"
        ));
    }
    let plan = migrate::plan::up(folder, state, UpTo::Version(version), true)
        .map_err(migrations("go on with the target's migrations"))?;
    match plan.steps.first() {
        None => Ok(()),
        Some(_) if highest < version => differ(format!("bring the target up with `liftlock up --to {version}`")),
        Some(step) => Err(unfit(
            format!("{} is not applied in the target, though {highest} is", step.title()),
            format!("bring the target up with `liftlock up --to {version} --allow-out-of-order`"),
        )),
    }
}

/// What the target holds once `plan` has run: run in one transaction, looked at, and rolled back.
fn on_trial(port: &Port<'_>, plan: &migrate::plan::Plan) -> Result<TargetSchema, String> {
    let mut scripts = Vec::new();
    for step in &plan.steps {
        let Mode::Transaction { pieces, .. } = &step.prepared.mode else {
            return Err(format!("{} runs without a transaction", step.title()));
        };
        for piece in pieces {
            match piece {
                Piece::Sql { text, .. } => scripts.push(text.as_str()),
                Piece::Copy { .. } => return Err(format!("{} copies rows", step.title())),
            }
        }
        // what a script sets holds for itself alone
        scripts.push("RESET ALL");
    }
    let failed = |error: crate::db::SqlError| error.to_string();
    // dropped at the end, and with it what an error leaves open
    let mut db = PostgresDb::connect(&port.target).map_err(|error| error.to_string())?;
    let _running = port.interrupt.while_running(db.canceller());
    db.execute("BEGIN").map_err(failed)?;
    for script in scripts {
        if port.interrupt.is_set() {
            return Err("interrupted".to_owned());
        }
        db.execute("SET LOCAL lock_timeout = '5s'").map_err(failed)?;
        db.execute(script).map_err(failed)?;
    }
    let seen = TargetSchema::read(&mut db, &port.options.target_schema).map_err(|error| error.to_string())?;
    db.execute("ROLLBACK").map_err(failed)?;
    Ok(seen)
}

fn run(port: &Port<'_>, version: i64) -> Result<(), PortError> {
    let Some(migrator) = &port.migrations else { return Ok(()) };
    let mut db = Db::connect(&Target::Postgres(port.target.clone()), Access::Write)?;
    let outcome = migrator.up(&mut db, UpTo::Version(version)).and_then(migrate::Outcome::into_result);
    outcome.map_err(migrations("make the target's schema by the migrations"))?;
    crate::crash::point("port-migrated");
    Ok(())
}

fn unfit(message: String, hint: String) -> PortError {
    PortError::Unfit { message, hint }
}

fn migrations(doing: &'static str) -> impl FnOnce(MigrateError) -> PortError {
    move |source| PortError::Migrations { doing, source: Box::new(source) }
}
