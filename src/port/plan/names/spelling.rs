//! One name after another: its style, its length, and what to do where it is taken.

use std::collections::{HashMap, HashSet};
use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use crate::port::options::NameStyle;

/// The longest name of PostgreSQL's, in bytes (NAMEDATALEN - 1 in a server as it is shipped).
const LONGEST: usize = 63;

/// What has an empty name in SQLite.
const UNNAMED: &str = "unnamed";

/// A name, and why it is not the one in SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spelled {
    pub(super) name: String,
    pub(super) why: Option<Why>,
    /// A person gave it, or another, a name that it can't have for that.
    pub(super) refused: bool,
    /// What is to have the same name, by a rename: as SQLite has it, and that name.
    pub(super) against: Option<(String, String)>,
}

/// Why a name changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    Renamed,
    Style,
    System,
    TooLong,
    Taken,
    Empty,
    Nul,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Renamed => "it was renamed",
            Self::Style => "names are written in another style",
            Self::System => "every table there has a system column of that name",
            Self::TooLong => "a name there has at most 63 bytes",
            Self::Taken => "the name is taken by another",
            Self::Empty => "a name can't be empty there",
            Self::Nul => "a name can't have a NUL character there",
        })
    }
}

/// Names all of one space, each with the new name that a person gave, if one: those first, then the names that need no
/// change, then the rest, each in the order given. What a name is does not hang on names that come after it in this.
pub(super) fn name_all(
    wanted: &[(&str, Option<&str>)],
    style: NameStyle,
    reserved: &[&str],
    taken: &mut HashSet<String>,
) -> Vec<Spelled> {
    let mut named: Vec<Option<Spelled>> = vec![None; wanted.len()];
    // a name that a person gave is nobody else's: who would be cut for it is told
    let mut given: HashMap<&str, &str> = HashMap::new();
    let against =
        |given: &HashMap<&str, &str>, name: &str| given.get(name).map(|&other| (other.to_owned(), name.to_owned()));
    for (&(source, rename), named) in wanted.iter().zip(&mut named) {
        let Some(rename) = rename else { continue };
        let mut spelled = spell(rename, NameStyle::Keep, reserved, |name| taken.contains(name));
        spelled.refused = spelled.name != rename;
        spelled.against = against(&given, rename);
        given.entry(rename).or_insert(source);
        if !spelled.refused {
            spelled.why = (rename != source).then_some(Why::Renamed);
        }
        taken.insert(spelled.name.clone());
        *named = Some(spelled);
    }
    for unchanged in [true, false] {
        for (&(source, _), named) in wanted.iter().zip(&mut named) {
            if named.is_some() || (unchanged && fitted(source, style, reserved).why.is_some()) {
                continue;
            }
            let mut spelled = spell(source, style, reserved, |name| taken.contains(name));
            spelled.against = against(&given, &fitted(source, style, reserved).name);
            spelled.refused = spelled.against.is_some();
            taken.insert(spelled.name.clone());
            *named = Some(spelled);
        }
    }
    named.into_iter().flatten().collect()
}

/// `source` as a name that is not taken.
pub(super) fn spell(source: &str, style: NameStyle, reserved: &[&str], is_taken: impl Fn(&str) -> bool) -> Spelled {
    let fitted = fitted(source, style, reserved);
    if !is_taken(&fitted.name) {
        return fitted;
    }
    let whole = if source.is_empty() { UNNAMED.to_owned() } else { styled(source, style) };
    let free = (0_u32..).map(|nth| suffixed(&whole, source, nth)).find(|name| !is_taken(name));
    Spelled {
        name: free.expect("there are more suffixes than names"),
        why: Some(Why::Taken),
        refused: false,
        against: None,
    }
}

/// `source` in its style, with what PostgreSQL refuses put right.
fn fitted(source: &str, style: NameStyle, reserved: &[&str]) -> Spelled {
    let mut name = styled(source, style);
    let mut why = (name != source).then_some(Why::Style);
    if name.contains('\0') {
        name = name.replace('\0', "_");
        why = Some(Why::Nul);
    }
    if name.is_empty() {
        name = UNNAMED.to_owned();
        why = Some(Why::Empty);
    }
    if reserved.contains(&name.as_str()) {
        name.push('_');
        why = Some(Why::System);
    }
    if name.len() > LONGEST {
        name = suffixed(&name, source, 0);
        why = Some(Why::TooLong);
    }
    Spelled { name, why, refused: false, against: None }
}

/// As much of `name` as fits, and a hash of the whole `source`.
fn suffixed(name: &str, source: &str, nth: u32) -> String {
    let hash = match nth {
        0 => xxh3_64(source.as_bytes()),
        nth => xxh3_64(format!("{source}\0{nth}").as_bytes()),
    };
    let suffix = format!("_{:08x}", hash & 0xffff_ffff);
    let name = name.replace('\0', "_");
    format!("{}{suffix}", &name[..name.floor_char_boundary(LONGEST - suffix.len())])
}

fn styled(name: &str, style: NameStyle) -> String {
    match style {
        NameStyle::Keep => name.to_owned(),
        // as PostgreSQL itself folds what is not quoted: SQL that was written without quotes finds the name
        NameStyle::Lowercase => name.to_ascii_lowercase(),
        NameStyle::SnakeCase => snake_case(name),
    }
}

fn snake_case(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, &character) in characters.iter().enumerate() {
        if character.is_whitespace() || character == '-' {
            if !snake.ends_with('_') {
                snake.push('_');
            }
            continue;
        }
        let before = at.checked_sub(1).map(|at| characters[at]);
        let after = characters.get(at + 1).copied();
        let begins_word = character.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_numeric()
                    || (before.is_uppercase() && after.is_some_and(char::is_lowercase))
            });
        if begins_word {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_finds_the_words() {
        for (name, expected) in [
            ("OrderDetails", "order_details"),
            ("HTTPServer2ID", "http_server2_id"),
            ("order_details", "order_details"),
            ("Order Details", "order_details"),
            ("order--details", "order_details"),
            ("__EFMigrationsHistory", "__ef_migrations_history"),
            ("ID", "id"),
            ("aB", "a_b"),
            ("a.B", "a.b"),
            ("GrößeÄndern", "größe_ändern"),
            ("X-Y Z", "x_y_z"),
            (" a", "_a"),
            ("", ""),
        ] {
            assert_eq!(snake_case(name), expected, "{name}");
            assert_eq!(snake_case(expected), expected);
        }
    }
}
