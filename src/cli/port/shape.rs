//! The choices that shape a plan, as words of the command line.

use clap::Args;

use crate::Error;
use crate::config::{PortColumns, PortNames, PortNocase, PortSettings};
use crate::port::Options;
use crate::port::options::{ColumnMatch, NameStyle, Nocase, OnConflict, TypeRule};
use crate::port::plan::Plan;
use crate::value::{BadText, PgType, Reading, TimeNumber};

/// What shapes the plan.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct ShapeArgs {
    /// The schema in PostgreSQL that takes the tables [default: public]
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    /// Only these tables and views (`*` and `?`); may be repeated
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,
    /// Not these tables and views; may be repeated
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Write all names as they are, whatever liftlock.yaml says [default]
    #[arg(long, conflicts_with_all = ["lowercase", "snake_case"])]
    keep_names: bool,
    /// Write all names in lower case
    #[arg(long, conflicts_with = "snake_case")]
    lowercase: bool,
    /// Write all names in snake case: OrderDetails → order_details
    #[arg(long)]
    snake_case: bool,
    /// Another name: `table=name` or `table.column=name`; may be repeated
    #[arg(long, value_name = "OLD=NEW", value_parser = rename)]
    rename: Vec<(String, String)>,
    /// Another type: `table.column=TYPE` or `DECLARED=TYPE`, and how numbers are times: `at=timestamptz:seconds`
    /// (milliseconds, microseconds, julian); may be repeated, the first that fits wins
    #[arg(long = "type", value_name = "WHAT=TYPE", value_parser = type_rule)]
    types: Vec<TypeRule>,
    /// `integer` instead of `bigint` where all values fit
    #[arg(long)]
    int4: bool,
    /// `varchar(n)` instead of `text` where all values fit
    #[arg(long)]
    keep_length: bool,
    /// What becomes of COLLATE NOCASE [default: lower-index]
    #[arg(long, value_name = "HOW")]
    nocase: Option<NocaseArg>,
    /// What becomes of text with a NUL or invalid UTF-8 (or give the column the type bytea) [default: refuse]
    #[arg(long, value_name = "HOW")]
    bad_text: Option<BadTextArg>,
    /// A finding that is accepted, by its code (`trigger`) or code and object (`check:orders.positive`); may be repeated
    #[arg(long, value_name = "CODE")]
    accept: Vec<String>,
    /// Where some tables are there already: make the missing ones
    #[arg(long)]
    create_missing: bool,
    /// Empty the target's tables first
    #[arg(long)]
    truncate: bool,
    /// Where tables hold rows already: what becomes of a row whose key is there
    #[arg(long, value_name = "HOW", conflicts_with = "truncate")]
    on_conflict: Option<OnConflictArg>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum NocaseArg {
    LowerIndex,
    Citext,
    Icu,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum BadTextArg {
    Refuse,
    Strip,
    Escape,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum OnConflictArg {
    Error,
    Skip,
    Replace,
}

fn rename(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("write it as `table=name` or `table.column=name`".to_owned()),
    }
}

fn type_rule(text: &str) -> Result<TypeRule, String> {
    let Some((what, to)) = text.rsplit_once('=').filter(|(what, to)| !what.is_empty() && !to.is_empty()) else {
        return Err("write it as `table.column=type` or `DECLARED=type`".to_owned());
    };
    let (to, numbers) = match to.split_once(':') {
        None => (to, None),
        Some((to, "seconds")) => (to, Some(TimeNumber::Seconds)),
        Some((to, "milliseconds")) => (to, Some(TimeNumber::Milliseconds)),
        Some((to, "microseconds")) => (to, Some(TimeNumber::Microseconds)),
        Some((to, "julian")) => (to, Some(TimeNumber::Julian)),
        Some((_, other)) => {
            return Err(format!("`{other}` is none of seconds, milliseconds, microseconds, julian"));
        }
    };
    let to: PgType = to.parse().map_err(|error: crate::value::UnknownType| error.to_string())?;
    let columns = match what.contains('.') {
        true => ColumnMatch::Column(what.to_owned()),
        false => ColumnMatch::Declared(what.to_owned()),
    };
    Ok(TypeRule { columns, to, reading: Reading { numbers, ..Reading::default() } })
}

/// A flag that says what a plan document says already.
pub(in crate::cli) fn not_beside_a_plan(flag: &str) -> Error {
    Error::Usage {
        message: format!("`{flag}` can't be used with `--plan`: the plan file says it"),
        hint: "edit the plan, or make a new one with `--plan-out` and without `--plan`".to_owned(),
    }
}

impl ShapeArgs {
    /// The choices that are left beside a plan document: what it says itself is looked for there alone.
    pub fn options_beside(&self, plan: &Plan, configured: &PortSettings) -> Result<Options, Error> {
        if let Some(flag) = self.said_by_a_plan() {
            return Err(not_beside_a_plan(flag));
        }
        let mut options = self.options(&PortSettings {
            include: configured.include.clone(),
            exclude: configured.exclude.clone(),
            accept: configured.accept.clone(),
            ..PortSettings::default()
        });
        options.target_schema.clone_from(&plan.target_schema);
        Ok(options)
    }

    /// The first flag of the line that says what a plan document says.
    fn said_by_a_plan(&self) -> Option<&'static str> {
        let said = [
            (self.schema.is_some(), "--schema"),
            (!self.include.is_empty(), "--include"),
            (!self.exclude.is_empty(), "--exclude"),
            (self.keep_names, "--keep-names"),
            (self.lowercase, "--lowercase"),
            (self.snake_case, "--snake-case"),
            (!self.rename.is_empty(), "--rename"),
            (!self.types.is_empty(), "--type"),
            (self.int4, "--int4"),
            (self.keep_length, "--keep-length"),
            (self.nocase.is_some(), "--nocase"),
            (self.bad_text.is_some(), "--bad-text"),
        ];
        said.into_iter().find_map(|(is_there, flag)| is_there.then_some(flag))
    }

    /// The choices: what is said here goes before what liftlock.yaml says.
    pub fn options(&self, configured: &PortSettings) -> Options {
        let mut options = Options::default();
        if let Some(schema) = self.schema.as_ref().or(configured.schema.as_ref()) {
            options.target_schema.clone_from(schema);
        }
        options.include.clone_from(if self.include.is_empty() { &configured.include } else { &self.include });
        options.exclude = [configured.exclude.as_slice(), &self.exclude].concat();
        options.names = match (self.keep_names, self.lowercase, self.snake_case, configured.names) {
            (true, ..) => NameStyle::Keep,
            (_, true, ..) => NameStyle::Lowercase,
            (_, _, true, _) => NameStyle::SnakeCase,
            (.., None | Some(PortNames::Keep)) => NameStyle::Keep,
            (.., Some(PortNames::Lowercase)) => NameStyle::Lowercase,
            (.., Some(PortNames::SnakeCase)) => NameStyle::SnakeCase,
        };
        options.renames.clone_from(&configured.rename);
        options.renames.extend(self.rename.iter().cloned());
        options.int4 = self.int4 || configured.int4;
        options.keep_length = self.keep_length || configured.keep_length;
        options.nocase = match (self.nocase, configured.nocase) {
            (Some(NocaseArg::LowerIndex), _) | (None, None | Some(PortNocase::LowerIndex)) => Nocase::LowerIndex,
            (Some(NocaseArg::Citext), _) | (None, Some(PortNocase::Citext)) => Nocase::Citext,
            (Some(NocaseArg::Icu), _) | (None, Some(PortNocase::Icu)) => Nocase::Icu,
        };
        options.bad_text = match self.bad_text {
            Some(BadTextArg::Refuse) => BadText::Refuse,
            Some(BadTextArg::Strip) => BadText::Strip,
            Some(BadTextArg::Escape) => BadText::Escape,
            None => configured.bad_text.unwrap_or_default(),
        };
        self.columns(configured, &mut options);
        options.accept = [configured.accept.as_slice(), &self.accept].concat();
        options.create_missing = self.create_missing;
        options.truncate = self.truncate;
        options.on_conflict = self.on_conflict.map(|how| match how {
            OnConflictArg::Error => OnConflict::Error,
            OnConflictArg::Skip => OnConflict::Skip,
            OnConflictArg::Replace => OnConflict::Replace,
        });
        options
    }

    /// What is chosen for some columns: a rule that says nothing of bad text leaves it to what holds for all.
    fn columns(&self, configured: &PortSettings, options: &mut Options) {
        let all = options.bad_text;
        options.types.extend(self.types.iter().cloned().map(|mut rule| {
            rule.reading.bad_text = all;
            rule
        }));
        for entry in &configured.types {
            let columns = match &entry.columns {
                PortColumns::Named(pattern) => ColumnMatch::Column(pattern.clone()),
                PortColumns::Declared(declared) => ColumnMatch::Declared(declared.clone()),
            };
            match (&entry.to, entry.bad_text) {
                (Some(to), bad_text) => options.types.push(TypeRule {
                    columns,
                    to: to.clone(),
                    reading: Reading { numbers: entry.numbers, bad_text: bad_text.unwrap_or(all) },
                }),
                (None, Some(bad_text)) => options.bad_texts.push((columns, bad_text)),
                (None, None) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::Parser;

    use super::*;
    use crate::config::PortType;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        shape: ShapeArgs,
    }

    fn options(line: &[&str], configured: &PortSettings) -> Options {
        let line = Line::try_parse_from([&["x"], line].concat()).expect("the line parses");
        line.shape.options(configured)
    }

    fn configured() -> PortSettings {
        let entry = |columns, to: Option<PgType>, bad_text| PortType { columns, to, numbers: None, bad_text };
        PortSettings {
            schema: Some("filed".to_owned()),
            include: vec!["a*".to_owned()],
            exclude: vec!["b*".to_owned()],
            names: Some(PortNames::SnakeCase),
            rename: BTreeMap::from([("t".to_owned(), "filed".to_owned()), ("u".to_owned(), "filed".to_owned())]),
            types: vec![
                entry(PortColumns::Named("t.c".to_owned()), Some(PgType::Json), None),
                entry(PortColumns::Named("*.body".to_owned()), None, Some(BadText::Escape)),
                entry(PortColumns::Declared("NAME".to_owned()), Some(PgType::Text), Some(BadText::Refuse)),
            ],
            int4: true,
            nocase: Some(PortNocase::Citext),
            bad_text: Some(BadText::Strip),
            accept: vec!["trigger".to_owned()],
            ..PortSettings::default()
        }
    }

    #[test]
    fn without_either_the_defaults_hold() {
        assert_eq!(options(&[], &PortSettings::default()), Options::default());
    }

    #[test]
    fn a_plan_goes_before_the_file_and_beside_no_flag_that_says_the_same() {
        let plan = Plan { target_schema: "planned".to_owned(), ..Plan::default() };
        let beside = |line: &[&str]| {
            let line = Line::try_parse_from([&["x"], line].concat()).expect("the line parses");
            line.shape.options_beside(&plan, &configured())
        };
        let options = beside(&["--accept=check", "--truncate"]).expect("both say what no plan says");
        let expected = Options {
            target_schema: "planned".to_owned(),
            include: vec!["a*".to_owned()],
            exclude: vec!["b*".to_owned()],
            accept: vec!["trigger".to_owned(), "check".to_owned()],
            truncate: true,
            ..Options::default()
        };
        assert_eq!(options, expected);
        for flag in [
            "--schema=s",
            "--include=x",
            "--exclude=y",
            "--keep-names",
            "--lowercase",
            "--snake-case",
            "--rename=t=u",
            "--type=t.c=jsonb",
            "--int4",
            "--keep-length",
            "--nocase=citext",
            "--bad-text=strip",
        ] {
            let error = beside(&[flag]).expect_err("it would be dropped").to_string();
            let name = flag.split('=').next().unwrap_or(flag);
            assert!(error.starts_with(&format!("`{name}` can't be used with `--plan`")), "{error}");
        }
    }

    #[test]
    fn the_file_holds_where_the_line_says_nothing() {
        let options = options(&[], &configured());
        assert_eq!((options.target_schema.as_str(), options.names), ("filed", NameStyle::SnakeCase));
        assert_eq!((options.nocase, options.bad_text, options.int4), (Nocase::Citext, BadText::Strip, true));
        let readings: Vec<_> = options.types.iter().map(|rule| (rule.to.clone(), rule.reading.bad_text)).collect();
        assert_eq!(readings, [(PgType::Json, BadText::Strip), (PgType::Text, BadText::Refuse)]);
        assert_eq!(options.bad_texts, [(ColumnMatch::Column("*.body".to_owned()), BadText::Escape)]);
    }

    #[test]
    fn the_line_goes_before_the_file() {
        let line = [
            "--schema=s",
            "--include=x",
            "--exclude=y",
            "--keep-names",
            "--rename=t=lined",
            "--type=t.c=jsonb",
            "--nocase=lower-index",
            "--bad-text=refuse",
            "--accept=check",
        ];
        let options = options(&line, &configured());
        assert_eq!((options.target_schema.as_str(), options.names), ("s", NameStyle::Keep));
        assert_eq!((options.include, options.exclude), (vec!["x".to_owned()], vec!["b*".to_owned(), "y".to_owned()]));
        assert_eq!((options.renames["t"].as_str(), options.renames["u"].as_str()), ("lined", "filed"));
        assert_eq!((options.nocase, options.bad_text), (Nocase::LowerIndex, BadText::Refuse));
        assert_eq!(options.types[0].to, PgType::Jsonb, "the rules of the line come first");
        assert_eq!(options.types.len(), 3);
        assert_eq!(options.accept, ["trigger", "check"]);
    }
}
