//! Reads the names of PostgreSQL's types, in every spelling that the server takes.
//!
//! The spellings are those of <https://www.postgresql.org/docs/current/datatype.html>, of the SQL standard that its
//! grammar knows besides (`dec`, `nchar varying`, `float(53)`), and of `pg_type.typname` (`int4`, `bpchar`).

use super::PgType;

/// The longest `varchar(n)` and `char(n)`, in characters (MaxAttrSize in PostgreSQL's htup_details.h).
const LONGEST: u32 = 10_485_760;

/// The type that `name` names, where it is one that values can be moved into.
pub(super) fn read(name: &str) -> Option<PgType> {
    let mut tokens = tokens(name)?;
    if tokens.len() > 2 && tokens[1] == Token::Mark('.') {
        // a schema before the name: the system's own types, and citext wherever its extension lives
        let citext = tokens[2] == Token::Word("citext".to_owned());
        if tokens[0] != Token::Word("pg_catalog".to_owned()) && !citext {
            return None;
        }
        tokens.drain(..2);
    }
    let is_array = take_array(&mut tokens);
    let of = scalar(&tokens)?;
    Some(if is_array { PgType::Array(Box::new(of)) } else { of })
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Number(i64),
    Mark(char),
}

fn tokens(name: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = name.trim_start_matches(is_space);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' | '[' | ']' | ',' | '.' => {
                tokens.push(Token::Mark(first));
                1
            }
            '0'..='9' | '-' => {
                let length = 1 + rest[1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - 1);
                tokens.push(Token::Number(rest[..length].parse().ok()?));
                length
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..length].to_ascii_lowercase()));
                length
            }
            _ => return None,
        };
        rest = rest[length..].trim_start_matches(is_space);
    }
    Some(tokens)
}

/// White space as PostgreSQL's lexer has it.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// Takes `[]`, `[n]`, `array` or `array[n]` off the end; a second dimension stays and fits no type.
fn take_array(tokens: &mut Vec<Token>) -> bool {
    let before = tokens.len();
    match tokens.as_slice() {
        [.., Token::Mark('['), Token::Mark(']')] => tokens.truncate(before - 2),
        [.., Token::Mark('['), Token::Number(0..), Token::Mark(']')] => tokens.truncate(before - 3),
        [_, .., Token::Word(last)] if last == "array" => {}
        _ => return false,
    }
    if matches!(tokens.as_slice(), [_, .., Token::Word(last)] if last == "array") {
        tokens.pop();
    }
    true
}

fn scalar(tokens: &[Token]) -> Option<PgType> {
    // the words, with what stood in parentheses (before `with time zone` it stands in their midst)
    let mut words = Vec::new();
    let mut arguments: Option<Vec<i64>> = None;
    let mut rest = tokens;
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (Token::Word(word), _) => {
                words.push(word.as_str());
                after
            }
            (Token::Mark('('), [Token::Number(one), Token::Mark(')'), after @ ..]) if arguments.is_none() => {
                arguments = Some(vec![*one]);
                after
            }
            (
                Token::Mark('('),
                [Token::Number(one), Token::Mark(','), Token::Number(two), Token::Mark(')'), after @ ..],
            ) if arguments.is_none() => {
                arguments = Some(vec![*one, *two]);
                after
            }
            _ => return None,
        };
    }
    // parentheses stand at the end, but for `timestamp(6) with time zone`
    if arguments.is_some() && tokens.last() != Some(&Token::Mark(')')) && words.last() != Some(&"zone") {
        return None;
    }
    match arguments.as_deref() {
        None => plain(&words),
        Some(arguments) => with_arguments(&words, arguments),
    }
}

fn plain(words: &[&str]) -> Option<PgType> {
    Some(match words {
        ["bool" | "boolean"] => PgType::Bool,
        ["int2" | "smallint"] => PgType::Int2,
        ["int" | "int4" | "integer"] => PgType::Int4,
        ["int8" | "bigint"] => PgType::Int8,
        ["float4" | "real"] => PgType::Float4,
        ["float" | "float8"] | ["double", "precision"] => PgType::Float8,
        ["numeric" | "decimal" | "dec"] => PgType::Numeric(None),
        ["text"] => PgType::Text,
        ["varchar"] | ["character" | "char" | "nchar", "varying"] | ["national", "character" | "char", "varying"] => {
            PgType::Varchar(None)
        }
        // without a length these are one character; `bpchar` alone has no limit, and is not known here
        ["character" | "char" | "nchar"] | ["national", "character" | "char"] => PgType::Char(1),
        ["citext"] => PgType::Citext,
        ["bytea"] => PgType::Bytea,
        ["date"] => PgType::Date,
        ["time"] | ["time", "without", "time", "zone"] => PgType::Time,
        ["timestamp"] | ["timestamp", "without", "time", "zone"] => PgType::Timestamp,
        ["timestamptz"] | ["timestamp", "with", "time", "zone"] => PgType::Timestamptz,
        ["uuid"] => PgType::Uuid,
        ["json"] => PgType::Json,
        ["jsonb"] => PgType::Jsonb,
        _ => return None,
    })
}

fn with_arguments(words: &[&str], arguments: &[i64]) -> Option<PgType> {
    match (plain(words), words, arguments) {
        (_, ["float"], [1..=24]) => Some(PgType::Float4),
        (_, ["float"], [25..=53]) => Some(PgType::Float8),
        (Some(PgType::Numeric(None)), _, [precision @ 1..=1000]) => {
            Some(PgType::Numeric(Some((u16::try_from(*precision).ok()?, 0))))
        }
        (Some(PgType::Numeric(None)), _, [precision @ 1..=1000, scale @ -1000..=1000]) => {
            Some(PgType::Numeric(Some((u16::try_from(*precision).ok()?, i16::try_from(*scale).ok()?))))
        }
        (Some(PgType::Varchar(None)), _, [length]) => Some(PgType::Varchar(Some(bounded(*length)?))),
        (Some(PgType::Char(_)), _, [length]) | (None, ["bpchar"], [length]) => Some(PgType::Char(bounded(*length)?)),
        // microseconds are what these have anyway; fewer digits would round
        (Some(of @ (PgType::Time | PgType::Timestamp | PgType::Timestamptz)), _, [6]) => Some(of),
        _ => None,
    }
}

fn bounded(length: i64) -> Option<u32> {
    u32::try_from(length).ok().filter(|length| (1..=LONGEST).contains(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        let numeric = |precision, scale| PgType::Numeric(Some((precision, scale)));
        for (name, of) in [
            ("bool", PgType::Bool),
            ("BOOLEAN", PgType::Bool),
            ("int2", PgType::Int2),
            ("smallint", PgType::Int2),
            (" Integer ", PgType::Int4),
            ("int", PgType::Int4),
            ("pg_catalog.int4", PgType::Int4),
            ("bigint", PgType::Int8),
            ("real", PgType::Float4),
            ("float(24)", PgType::Float4),
            ("float(25)", PgType::Float8),
            ("float", PgType::Float8),
            ("Double\n  Precision", PgType::Float8),
            ("decimal", PgType::Numeric(None)),
            ("dec( 10 , 2 )", numeric(10, 2)),
            ("NUMERIC(10)", numeric(10, 0)),
            ("numeric(3,-2)", numeric(3, -2)),
            ("varchar", PgType::Varchar(None)),
            ("character varying (20)", PgType::Varchar(Some(20))),
            ("national character varying(5)", PgType::Varchar(Some(5))),
            ("char", PgType::Char(1)),
            ("character(3)", PgType::Char(3)),
            ("bpchar(3)", PgType::Char(3)),
            ("nchar(3)", PgType::Char(3)),
            ("extensions.citext", PgType::Citext),
            ("time(6)", PgType::Time),
            ("time without time zone", PgType::Time),
            ("timestamp(6) without time zone", PgType::Timestamp),
            ("timestamp", PgType::Timestamp),
            ("TIMESTAMP WITH TIME ZONE", PgType::Timestamptz),
            ("timestamp (6) with time zone", PgType::Timestamptz),
            ("timestamptz", PgType::Timestamptz),
            ("jsonb", PgType::Jsonb),
        ] {
            assert_eq!(read(name), Some(of), "{name}");
        }
    }

    #[test]
    fn arrays_are_read_in_every_spelling() {
        let array = |of| Some(PgType::Array(Box::new(of)));
        assert_eq!(read("text[]"), array(PgType::Text));
        assert_eq!(read("INT [ 3 ]"), array(PgType::Int4));
        assert_eq!(read("int array"), array(PgType::Int4));
        assert_eq!(read("numeric(4,1) ARRAY[7]"), array(PgType::Numeric(Some((4, 1)))));
        assert_eq!(read("timestamp(6) with time zone[]"), array(PgType::Timestamptz));
    }

    #[test]
    fn what_would_round_or_is_unknown_is_refused() {
        for name in [
            "",
            "serial",
            "money",
            "\"char\"",
            "bpchar",
            "timetz",
            "time with time zone",
            "timestamp(3)",
            "timestamp(3) with time zone",
            "timestamptz(0)",
            "numeric(0)",
            "numeric(1001)",
            "numeric(1,2,3)",
            "varchar(0)",
            "varchar(10485761)",
            "varchar(-1)",
            "float(54)",
            "int(11)",
            "text[][]",
            "array",
            "[]",
            "text(",
            "public.int4",
            "double(6) precision",
            "mood",
            "int[-1]",
        ] {
            assert_eq!(read(name), None, "{name}");
        }
    }
}
