//! The choices that shape a plan, as words of the command line.

use std::collections::BTreeMap;

use clap::Args;

use crate::port::Options;
use crate::port::options::{ColumnMatch, NameStyle, Nocase, OnConflict, TypeRule};
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
    /// What becomes of COLLATE NOCASE
    #[arg(long, value_name = "HOW", default_value = "lower-index")]
    nocase: NocaseArg,
    /// What becomes of text with a NUL or invalid UTF-8: refuse, strip, escape (or give the column the type bytea)
    #[arg(long, value_name = "HOW", default_value = "refuse")]
    bad_text: BadTextArg,
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

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum NocaseArg {
    #[default]
    LowerIndex,
    Citext,
    Icu,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum BadTextArg {
    #[default]
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

impl ShapeArgs {
    /// The choices, over those of the configuration.
    pub fn options(&self, configured: Options) -> Options {
        let mut options = configured;
        if let Some(schema) = &self.schema {
            options.target_schema.clone_from(schema);
        }
        if !self.include.is_empty() {
            options.include.clone_from(&self.include);
        }
        options.exclude.extend(self.exclude.iter().cloned());
        match (self.lowercase, self.snake_case) {
            (true, _) => options.names = NameStyle::Lowercase,
            (_, true) => options.names = NameStyle::SnakeCase,
            _ => {}
        }
        options.renames.extend(self.rename.iter().cloned().collect::<BTreeMap<_, _>>());
        // what is said here goes before what the file says
        options.types.splice(0..0, self.types.iter().cloned());
        options.int4 |= self.int4;
        options.keep_length |= self.keep_length;
        match self.nocase {
            NocaseArg::LowerIndex => {}
            NocaseArg::Citext => options.nocase = Nocase::Citext,
            NocaseArg::Icu => options.nocase = Nocase::Icu,
        }
        match self.bad_text {
            BadTextArg::Refuse => {}
            BadTextArg::Strip => options.bad_text = BadText::Strip,
            BadTextArg::Escape => options.bad_text = BadText::Escape,
        }
        options.accept.extend(self.accept.iter().cloned());
        options.create_missing |= self.create_missing;
        options.truncate |= self.truncate;
        options.on_conflict = self.on_conflict.map(|how| match how {
            OnConflictArg::Error => OnConflict::Error,
            OnConflictArg::Skip => OnConflict::Skip,
            OnConflictArg::Replace => OnConflict::Replace,
        });
        options
    }
}
