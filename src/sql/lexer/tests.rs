//! Tokens of both dialects, case by case.

use proptest::prelude::*;

use super::*;
use TokenKind::{Comment, Number, Parameter, Punct, QuotedIdentifier, Semicolon, String as Str, Word};

/// A text in a dialect and the tokens it holds.
type Case = (Dialect, &'static str, &'static [(TokenKind, &'static str)]);

fn tokens(dialect: Dialect, text: &str) -> Vec<(TokenKind, &str)> {
    Lexer::new(dialect, text).map(|token| token.expect("a token")).map(|token| (token.kind, token.text)).collect()
}

fn error(dialect: Dialect, text: &str) -> Option<SyntaxError> {
    Lexer::new(dialect, text).find_map(Result::err)
}

#[test]
fn words_identifiers_and_numbers() {
    use Dialect::{Postgres, Sqlite};
    let cases: &[Case] = &[
        (Postgres, "a$b$ _x", &[(Word, "a$b$"), (Word, "_x")]),
        (Sqlite, "a$b$ _x", &[(Word, "a$b$"), (Word, "_x")]),
        (Postgres, "größe;é", &[(Word, "größe"), (Semicolon, ";"), (Word, "é")]),
        // a no-break space is a letter to both
        (Sqlite, "a\u{a0}b", &[(Word, "a\u{a0}b")]),
        (Postgres, r#""a""b;"x"#, &[(QuotedIdentifier, r#""a""b;""#), (Word, "x")]),
        (Postgres, r#"U&"d\0061;""#, &[(QuotedIdentifier, r#"U&"d\0061;""#)]),
        (
            Sqlite,
            "`a``;` [b;\"] \"c\"",
            &[(QuotedIdentifier, "`a``;`"), (QuotedIdentifier, "[b;\"]"), (QuotedIdentifier, "\"c\"")],
        ),
        (Postgres, "a[1]", &[(Word, "a"), (Punct, "["), (Number, "1"), (Punct, "]")]),
        (Postgres, "1..10", &[(Number, "1"), (Punct, "."), (Punct, "."), (Number, "10")]),
        (Postgres, "1.5e-3+.5", &[(Number, "1.5e-3"), (Punct, "+"), (Number, ".5")]),
        (Postgres, "0x1e+1_000", &[(Number, "0x1e"), (Punct, "+"), (Number, "1_000")]),
        (Postgres, "1e--c", &[(Number, "1e"), (Comment, "--c")]),
        (Postgres, "$1::int", &[(Parameter, "$1"), (Punct, ":"), (Punct, ":"), (Word, "int")]),
        (Postgres, "a?b", &[(Word, "a"), (Punct, "?"), (Word, "b")]),
        (Sqlite, "?1,?", &[(Parameter, "?1"), (Punct, ","), (Parameter, "?")]),
        (Sqlite, ":a @b $c #d", &[(Parameter, ":a"), (Parameter, "@b"), (Parameter, "$c"), (Parameter, "#d")]),
        (Sqlite, "$a::b(c;d);:", &[(Parameter, "$a::b(c;d)"), (Semicolon, ";"), (Punct, ":")]),
        (Sqlite, "a->>'$.b'", &[(Word, "a"), (Punct, "-"), (Punct, ">"), (Punct, ">"), (Str, "'$.b'")]),
    ];
    for (dialect, text, expected) in cases {
        assert_eq!(tokens(*dialect, text), *expected, "{dialect}: {text}");
    }
}

#[test]
fn strings_of_postgres() {
    // each is one token of its own between two words
    let whole = [
        "'it''s;'",
        r"'\'",
        r"E'\';'",
        r"e'\\'",
        r"E'\é''\''",
        "B'01'",
        "x'ff'",
        "N'n;'",
        r"U&'d\0061'",
        "'a'\n'b;'",
        "'a' -- c\n \t'b;'",
        "'a'\r'b'",
        "E'a'\n'\\';'",
        "'a'\n -- it's\n'b'",
        "$$a;'$$",
        "$t$ $$ $u$ $t $t$",
        "$a$ $b$a$",
        "$é_1$;$é_1$",
    ];
    for text in whole {
        assert_eq!(tokens(Dialect::Postgres, &format!("x {text} y")), [(Word, "x"), (Str, text), (Word, "y")]);
    }
    let cases: &[(&str, &[(TokenKind, &str)])] = &[
        // a line break is needed, and only line comments may stand between
        ("'a' 'b'", &[(Str, "'a'"), (Str, "'b'")]),
        ("'a'\n/**/'b'", &[(Str, "'a'"), (Comment, "/**/"), (Str, "'b'")]),
        // a prefix belongs to the string only if nothing stands between
        ("E '\\'", &[(Word, "E"), (Str, "'\\'")]),
        ("note'\\'", &[(Word, "note"), (Str, "'\\'")]),
        ("U& 'a'", &[(Word, "U"), (Punct, "&"), (Str, "'a'")]),
        ("xu&'a'", &[(Word, "xu"), (Punct, "&"), (Str, "'a'")]),
        // no dollar quotes
        ("a$b$c$b$", &[(Word, "a$b$c$b$")]),
        ("$1$", &[(Parameter, "$1"), (Punct, "$")]),
        ("$a-$", &[(Punct, "$"), (Word, "a"), (Punct, "-"), (Punct, "$")]),
        // the tag is case-sensitive
        ("$A$ $a$ $A$", &[(Str, "$A$ $a$ $A$")]),
    ];
    for (text, expected) in cases {
        assert_eq!(tokens(Dialect::Postgres, text), *expected, "{text}");
    }
}

#[test]
fn strings_of_sqlite() {
    let cases: &[(&str, &[(TokenKind, &str)])] = &[
        ("'it''s;'", &[(Str, "'it''s;'")]),
        ("'\\',x", &[(Str, "'\\'"), (Punct, ","), (Word, "x")]),
        ("x'00ff' X'zz;'", &[(Str, "x'00ff'"), (Str, "X'zz;'")]),
        ("E'\\'", &[(Word, "E"), (Str, "'\\'")]),
        ("'a'\n'b'", &[(Str, "'a'"), (Str, "'b'")]),
        ("$$ $-", &[(Parameter, "$$"), (Punct, "$"), (Punct, "-")]),
    ];
    for (text, expected) in cases {
        assert_eq!(tokens(Dialect::Sqlite, text), *expected, "{text}");
    }
}

#[test]
fn comments() {
    use Dialect::{Postgres, Sqlite};
    let cases: &[Case] = &[
        (Postgres, "--a'\nb", &[(Comment, "--a'"), (Word, "b")]),
        (Postgres, "--a\rb", &[(Comment, "--a"), (Word, "b")]),
        (Sqlite, "--a\rb\nc", &[(Comment, "--a\rb"), (Word, "c")]),
        (Postgres, "/* /* ; */ */ a", &[(Comment, "/* /* ; */ */"), (Word, "a")]),
        (Sqlite, "/* /* ; */ a", &[(Comment, "/* /* ; */"), (Word, "a")]),
        (Sqlite, "/*/ ; */a", &[(Comment, "/*/ ; */"), (Word, "a")]),
        (Postgres, "/**/a+/*b*/c", &[(Comment, "/**/"), (Word, "a"), (Punct, "+"), (Comment, "/*b*/"), (Word, "c")]),
        (Sqlite, "a /* b", &[(Word, "a"), (Comment, "/* b")]),
        (Sqlite, "a /*", &[(Word, "a"), (Punct, "/"), (Punct, "*")]),
        (Sqlite, "a-b--c", &[(Word, "a"), (Punct, "-"), (Word, "b"), (Comment, "--c")]),
    ];
    for (dialect, text, expected) in cases {
        assert_eq!(tokens(*dialect, text), *expected, "{dialect}: {text}");
    }
}

#[test]
fn a_byte_order_mark_is_whitespace() {
    for dialect in Dialect::ALL {
        assert_eq!(tokens(dialect, "\u{feff}a"), [(Word, "a")]);
        let first = Lexer::new(dialect, "\u{feff}\n a").next().expect("one").expect("fine");
        assert_eq!((first.start, first.end), (5, 6));
    }
    assert_eq!(tokens(Dialect::Sqlite, "a \u{feff}b"), [(Word, "a"), (Word, "b")]);
    assert_eq!(tokens(Dialect::Postgres, "a \u{feff}b"), [(Word, "a"), (Word, "\u{feff}b")]);
}

#[test]
fn what_is_never_closed_is_an_error_where_it_begins() {
    use Dialect::{Postgres, Sqlite};
    let string = |offset| Some(SyntaxError::UnterminatedString { offset });
    let identifier = |offset| Some(SyntaxError::UnterminatedIdentifier { offset });
    let cases = [
        (Postgres, "é 'a", string(3)),
        (Sqlite, "é 'a''", string(3)),
        (Postgres, r"E'\'", string(0)),
        (Postgres, r"E'\", string(0)),
        (Postgres, "a 'b'\n'c", string(2)),
        (Sqlite, "x'00", string(0)),
        (Postgres, "a \"b", identifier(2)),
        (Postgres, "U&\"b", identifier(0)),
        (Sqlite, "[a", identifier(0)),
        (Sqlite, "`a", identifier(0)),
        (Postgres, "a $b$ $$ $B$", Some(SyntaxError::UnterminatedDollarQuote { offset: 2, tag: "$b$".to_owned() })),
        (Postgres, "a /* /* */", Some(SyntaxError::UnterminatedComment { offset: 2 })),
        (Postgres, "/*", Some(SyntaxError::UnterminatedComment { offset: 0 })),
        (Sqlite, "a 'b\0'", Some(SyntaxError::Nul { offset: 4 })),
        (Postgres, "a \0", Some(SyntaxError::Nul { offset: 2 })),
    ];
    for (dialect, text, expected) in cases {
        assert_eq!(error(dialect, text), expected, "{dialect}: {text}");
        let mut lexer = Lexer::new(dialect, text);
        lexer.find(Result::is_err);
        assert!(lexer.next().is_none(), "nothing comes after an error");
    }
}

fn fragments() -> impl Strategy<Value = String> {
    let pieces = [
        "select", "E", "U&", "x", "'", "''", "\"", "`", "[", "]", "$$", "$a$", "$1", "--", "/*", "*/", "\n", "\r", " ",
        ";", "\\", "(", ")", "é", "\u{feff}", ":", "::", "?", "1.5e+", ".", "0x", "-", "\0",
    ];
    prop_oneof![
        proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn tokens_cover_the_text_in_order(text in fragments()) {
        for dialect in Dialect::ALL {
            let mut at = 0;
            let mut failed = false;
            for token in Lexer::new(dialect, &text) {
                let Ok(token) = token else { failed = true; break };
                prop_assert!(token.start < token.end);
                prop_assert_eq!(token.text, &text[token.start..token.end]);
                let between = text[at..token.start].replace('\u{feff}', "");
                prop_assert!(between.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)));
                at = token.end;
            }
            let rest = text[at..].replace('\u{feff}', "");
            let blank = rest.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c));
            prop_assert!(failed || blank);
        }
    }
}
