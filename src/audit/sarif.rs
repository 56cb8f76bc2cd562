//! The report as SARIF 2.1.0, which code hosts show beside the code
//! (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>).

use std::collections::HashMap;

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::finding::{Finding, Remedy, Severity, Subject};
use super::locate::Declarations;
use super::remedies::{Remedies, in_words};
use super::report::Report;
use super::rules::{RULES, Rule};

/// The report as SARIF. Findings that are ignored are left out: code hosts would show them.
#[must_use]
pub fn sarif(report: &Report, remedies: &Remedies, declarations: &Declarations) -> Value {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let results: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            let identity = identity(finding);
            let nth = seen.entry(identity.clone()).and_modify(|nth| *nth += 1).or_insert(1);
            result(finding, &identity, *nth, remedies, declarations)
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Liftlock",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": RULES.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.name,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": rule.summary},
        "defaultConfiguration": {"enabled": rule.on, "level": level(rule.severity)},
    })
}

fn result(finding: &Finding, identity: &str, nth: usize, remedies: &Remedies, declarations: &Declarations) -> Value {
    let place = declarations.place(&finding.subject);
    let fix = match &finding.remedy {
        Remedy::Index(index) => remedies.sql(index).map_or_else(|| in_words(index), str::to_owned),
        Remedy::Statement(text) | Remedy::Advice(text) | Remedy::None(text) => text.clone(),
    };
    let fix = if fix.is_empty() { fix } else { format!("\nFix: {fix}") };
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": {"text": format!("{}\n{}{fix}", finding.message, finding.explanation)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(&place.file)},
                "region": {"startLine": place.line},
            },
            "logicalLocations": [logical(&finding.subject)],
        }],
        // a code host that finds `primaryLocationLineHash` takes it as it is; else it would hash the line that is shown,
        // which for a stand-in is the same for all
        "partialFingerprints": {
            "primaryLocationLineHash": format!("{:016x}:{nth}", xxh3_64(identity.as_bytes())),
            "liftlockFinding/v1": format!("{identity}:{nth}"),
        },
    });
    if let Some(at) = RULES.iter().position(|rule| rule.name == finding.rule) {
        result["ruleIndex"] = json!(at);
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn logical(subject: &Subject) -> Value {
    let Subject { schema, table, columns, object } = subject;
    let qualified =
        |parts: &[&str]| parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(".");
    let (name, full, kind) = match (object, columns.as_slice()) {
        (Some(object), _) => (object.clone(), qualified(&[schema, table, object]), "object"),
        (None, [_, ..]) => (columns.join(","), qualified(&[schema, table, &columns.join(",")]), "column"),
        (None, []) if !table.is_empty() => (table.clone(), qualified(&[schema, table]), "table"),
        (None, []) => ("database".to_owned(), "database".to_owned(), "database"),
    };
    json!({"name": name, "fullyQualifiedName": full, "kind": kind})
}

/// What makes a finding the same one as in another run: its rule and its subject, not its words.
fn identity(finding: &Finding) -> String {
    let Subject { schema, table, columns, object } = &finding.subject;
    [finding.rule, schema, table, &columns.join(","), object.as_deref().unwrap_or_default()].join("|")
}

/// A path as a URI: relative ones stay so, with slashes; what a URI can't hold is percent-encoded.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let path = path.strip_prefix("./").unwrap_or(&path);
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        for (path, expected) in [
            ("db/schema.sql", "db/schema.sql"),
            ("./schema.sql", "schema.sql"),
            ("a b/ä#.sql", "a%20b/%C3%A4%23.sql"),
            ("/srv/x.sql", "file:///srv/x.sql"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }

    #[test]
    fn a_finding_is_the_same_whatever_it_says() {
        let finding = |message: &str, columns: &[&str]| Finding {
            rule: "some-rule",
            severity: Severity::Error,
            subject: Subject {
                schema: "main".to_owned(),
                table: "t".to_owned(),
                columns: columns.iter().map(|&column| column.to_owned()).collect(),
                object: None,
            },
            message: message.to_owned(),
            explanation: String::new(),
            remedy: Remedy::None(String::new()),
        };
        assert_eq!(identity(&finding("one", &["a", "b"])), identity(&finding("other", &["a", "b"])));
        assert_ne!(identity(&finding("one", &["a", "b"])), identity(&finding("one", &["b", "a"])));
    }
}
