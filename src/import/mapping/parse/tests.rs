use serde_json::json;

use super::super::{FileFact, Step, Transform};
use super::*;

fn parse(text: &str) -> Result<Mapping, ImportError> {
    Mapping::parse(Path::new("import.yaml"), text)
}

/// A mapping of one source, its other keys and columns as given.
fn with(keys: &str, columns: &str) -> String {
    format!("sources:\n  - files: \"{{s}}/*.json\"\n    table: t\n{keys}    columns:\n{columns}")
}

#[test]
fn the_forms_of_a_mapping_are_read() {
    let mapping = parse(
        r#"
store: stored
sources:
  - files: "service_results/{service}/{env}/validation_*.json"
    records: /results[*]
    bad: quarantine
    table: validation_results
    key: [service, env, id]
    exists: skip
    columns:
      id: /id
      service: {capture: service}
      env: {capture: env}
      file: {file: sha256}
      source: {constant: [1.50, null]}
      row_id: {generate: uuid}
      password: {pointer: /password, hash: bcrypt}
      body: {pointer: /body, store: file, over: 64KiB}
      status: {pointer: /status, required: true}
      data: rest
    children:
      - records: /steps[*]
        table: steps
        parent: {result_id: id}
        columns: {step_no: position, name: /name, data: rest}
  - files: names.json
    records: "{*}"
    table: names
    key: name
    columns: {name: entry, value: ""}
  - files: notes/*.md
    table: notes
    columns: {all: whole}
"#,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(mapping.store.as_deref(), Some("stored"));
    let source = &mapping.sources[0];
    assert_eq!((source.format, source.bad, source.place), (Format::Json, OnBad::Quarantine, (4, 5)));
    assert_eq!(source.files.captures, ["service", "env"]);
    assert_eq!(source.records.0, [Step::Key("results".to_owned()), Step::Items]);
    let into = &source.into;
    assert_eq!((into.key.len(), into.exists), (3, OnExisting::Skip));
    let column = |name: &str| into.columns.iter().find(|column| column.column == name).expect("there");
    assert_eq!(column("id").from, From::Pointer("/id".to_owned()));
    assert_eq!(column("id").place, (11, 7));
    assert_eq!(column("file").from, From::File(FileFact::Sha256));
    assert_eq!(column("source").from, From::Constant(serde_json::from_str("[1.50,null]").expect("JSON")));
    assert_eq!(column("password").transform, Some(Transform::Bcrypt(12)));
    assert_eq!(column("body").store_over, Some(65536));
    assert!(column("status").required);
    let child = &into.children[0];
    assert_eq!(child.parent, [("result_id".to_owned(), "id".to_owned())]);
    assert_eq!((child.into.columns[0].from.clone(), child.into.exists), (From::Position, OnExisting::Skip));
    assert_eq!(mapping.sources[1].into.columns[1].from, From::Pointer(String::new()));
    assert_eq!(mapping.sources[1].into.key, ["name"]);
    assert_eq!(mapping.sources[2].format, Format::Markdown);
    assert_eq!(json!("markdown"), serde_json::to_value(mapping.sources[2].format).expect("JSON"));
}

#[test]
fn an_error_has_line_column_and_snippet_and_the_nearest_name() {
    let error = parse("sources:\n  - files: a.json\n    table: t\n    colums: {id: /id}\n").expect_err("refused");
    let ImportError::Mapping { message, hint } = error else { panic!("{error}") };
    assert_eq!(
        message,
        "import.yaml:4:5: unknown key `colums`\n3 |     table: t\n4 |     colums: {id: /id}\n  |     ^"
    );
    assert_eq!(hint.as_deref(), Some("did you mean `columns`?"));
}

#[test]
fn what_cannot_be_meant_is_refused_where_it_stands() {
    let two = |other: &str| format!("{}{other}", with("    key: [id]\n", "      id: /id\n"));
    for (text, place, part) in [
        (String::new(), "1:1", "empty"),
        ("sources: [".to_owned(), "1:10", "unclosed"),
        ("sources: []".to_owned(), "1:10", "no source"),
        ("source: []".to_owned(), "1:1", "unknown key `source`"),
        ("sources: {a: b}".to_owned(), "1:10", "a list"),
        ("sources:\n  - table: t".to_owned(), "2:5", "`files` is missing"),
        ("sources:\n  - files: \"{a}/{a}\"\n    table: t".to_owned(), "2:12", "captures `a` twice"),
        ("sources:\n  - files: a\n    table: t".to_owned(), "2:12", "doesn't tell the files' format"),
        ("sources:\n  - files: a.json\n    format: jsn\n".to_owned(), "3:13", "unknown format `jsn`"),
        (with("    records: results\n", "      id: /id\n"), "4:14", "begins with `/`"),
        (with("    format: csv\n    records: \"[*]\"\n", "      id: /id\n"), "5:14", "JSON and YAML"),
        (with("    bad: ignore\n", "      id: /id\n"), "4:10", "unknown answer"),
        (with("    exists: skip\n", "      id: /id\n"), "4:13", "needs `key`"),
        (with("    key: [id, x]\n", "      id: /id\n"), "4:15", "unknown column `x`"),
        (with("    key: [id, id]\n", "      id: /id\n"), "4:15", "twice"),
        (with("    key: []\n", "      id: /id\n"), "4:10", "no columns"),
        (with("    key: [id]\n", "      id: {generate: uuid}\n"), "4:11", "at each import"),
        (with("    key: [id]\n", "      id: {pointer: /id, hash: bcrypt}\n"), "4:11", "each time"),
        (with("    key: [id]\n", "      id: rest\n"), "4:11", "whole record"),
        (with("", "      id: /id\n      id: /x\n"), "6:7", "twice"),
        (with("", "      id: id\n"), "5:11", "unknown word"),
        (with("", "      id: s\n"), "5:11", "unknown word"),
        (with("", "      id: pozition\n"), "5:11", "unknown word"),
        (with("", "      id:\n"), "5:9", "nothing says"),
        (with("", "      id: /a~2\n"), "5:11", "`~`"),
        (with("", "      id: {pointer: a}\n"), "5:21", "begins with `/`"),
        (with("", "      id: {}\n"), "5:11", "nothing says where"),
        (with("", "      id: {pointer: /a, file: path}\n"), "5:11", "one place"),
        (with("", "      id: {capture: t}\n"), "5:21", "unknown capture `t`"),
        (with("", "      id: {file: pth}\n"), "5:18", "unknown fact"),
        (with("", "      id: {constant: .nan}\n"), "5:22", "no equal"),
        (with("", "      id: {constant: 1, required: true}\n"), "5:35", "there is a value always"),
        (with("", "      id: {from: rest, hash: sha256}\n"), "5:30", "goes with `pointer`"),
        (with("", "      id: {capture: s, hash: sha256}\n"), "5:30", "paths are written down"),
        (with("", "      id: {pointer: /a, hash: bcrypt, cost: 3}\n"), "5:45", "no cost of bcrypt's"),
        (with("", "      id: {pointer: /a, hash: sha256, cost: 4}\n"), "5:45", "goes with `hash: bcrypt`"),
        (
            with("", "      id: {pointer: /a, hash: sha256}\n      all: whole\n"),
            "6:7",
            "`t.all` would store as it is what `t.id`",
        ),
        (
            with("", "      id: {pointer: /a/b, hash: sha256}\n      all: /a\n"),
            "6:7",
            "`t.all` would store as it is what `t.id`",
        ),
        (with("", "      id: {pointer: /a, hash: md5}\n"), "5:31", "unknown hash"),
        (with("", "      id: {pointer: /a, hash: sha256, encrypt: aes-256-gcm}\n"), "5:48", "doesn't go with `hash`"),
        (with("", "      id: {pointer: /a, over: 1}\n"), "5:31", "goes with `store: file`"),
        (with("", "      id: {pointer: /a, store: file, over: 1x}\n"), "5:44", "is no size"),
        (with("", "      id: {file: size, store: file}\n"), "5:31", "what a record holds"),
        (with("", "      id: entry\n"), "5:11", "no keys"),
        (with("", "      id: position\n"), "5:11", "no position"),
        (with("    records: \"[*]\"\n", "      id: entry\n"), "6:11", "no keys"),
        (
            with(
                "",
                "      p: {pointer: /c, hash: sha256}\n    children:\n      - records: /c/x\n        table: c\n        parent: {t: p}\n        columns: {n: /n}\n",
            ),
            "8:16",
            "`c` would store as it is what `t.p`",
        ),
        (with("", "      <<: {a: /a}\n      id: /id\n"), "5:7", "`<<` merges nothing here"),
        (with("    <<: {bad: fail}\n", "      id: /id\n"), "4:5", "`<<` merges nothing here"),
        (with("", "      id: /id\n      b: {pointer: /b, store: file}\n"), "6:7", "nothing says where"),
        (two("  - files: \"{s}/*.json\"\n    table: t\n    key: [id]\n    columns: {id: /x}\n"), "7:5", "twice"),
        (with("", "      a: rest\n      b: rest\n"), "6:7", "both take the rest"),
        (two("  - files: b.json\n    table: t\n    key: [x]\n    columns: {x: /x}\n"), "7:5", "at line 2"),
        (
            two(
                "    children:\n      - records: /a[*]\n        table: c\n        parent: {t: id}\n        columns: {t: /n}\n",
            ),
            "11:19",
            "from the parent already",
        ),
        (
            two(
                "    children:\n      - records: \"\"\n        table: c\n        parent: {t: id}\n        columns: {n: /n}\n",
            ),
            "8:18",
            "the path is empty",
        ),
        (
            two(
                "    children:\n      - records: /a\n        table: c\n        parent: {t: id}\n        columns: {n: position}\n",
            ),
            "11:22",
            "no position",
        ),
        (
            two(
                "    children:\n      - records: /a[*]\n        table: t\n        parent: {t: id}\n        key: [n]\n        columns: {n: /n}\n",
            ),
            "8:9",
            "has the key",
        ),
        ("sources: []\n---\na: b\n".to_owned(), "3:1", "second document"),
    ] {
        let error = parse(&text).expect_err(&text);
        let ImportError::Mapping { message, .. } = &error else { panic!("{error}") };
        assert!(message.starts_with(&format!("import.yaml:{place}: ")), "{text}\n{message}");
        assert!(message.contains(part), "{text}\n{message}");
        assert!(message.ends_with('^'), "{message}");
    }
}
