//! Which findings a person has accepted, and the order in which they are told.

use std::cmp::Reverse;

use super::{Finding, Level};
use crate::suggest::nearest;

/// Codes that no one can accept: there is no way to write what they are about.
const UNACCEPTABLE: [&str; 11] = [
    "bad-text",
    "does-not-fit",
    "generated-differs",
    "key-collision",
    "no-privilege",
    "null-in-not-null",
    "row-too-large",
    "target-generated-fails",
    "target-not-writable",
    "too-many-columns",
    "type-unknown",
];

/// Every code that a finding of a port can have, in alphabetical order.
const CODES: [&str; 95] = [
    "bad-text",
    "check",
    "check-left-out",
    "check-violated",
    "column-left-out",
    "create-missing",
    "default",
    "default-left-out",
    "default-refused",
    "does-not-fit",
    "expression-assumption",
    "extra-column",
    "extra-table",
    "foreign-key",
    "foreign-key-circle",
    "foreign-key-left-out",
    "foreign-key-types",
    "foreign-keys-off",
    "fraction-digits",
    "generated-as-plain",
    "generated-differs",
    "generated-stored",
    "generated-target",
    "generated-untried",
    "index",
    "index-left-out",
    "inherited",
    "is-there",
    "key-astray",
    "key-collision",
    "key-too-long",
    "missing-column",
    "missing-table",
    "mixed-values",
    "name-changed",
    "name-matched",
    "name-taken",
    "no-columns",
    "no-conversion",
    "no-key-for-conflicts",
    "no-privilege",
    "no-such-table",
    "nocase",
    "not-made",
    "not-null",
    "null-in-not-null",
    "null-in-primary-key",
    "numbers-as-time",
    "offset-lost",
    "orphans",
    "partition",
    "partitioned",
    "plan-has-twice",
    "reclassed",
    "rename-refused",
    "required-column",
    "respelled",
    "row-security",
    "row-too-large",
    "row-too-wide",
    "schema-not-rehearsed",
    "self-reference",
    "sequence-unknown",
    "table-left-out",
    "target-check",
    "target-check-untried",
    "target-conflict",
    "target-duplicate",
    "target-generated",
    "target-generated-fails",
    "target-keeps",
    "target-not-empty",
    "target-not-writable",
    "target-partition",
    "text-order",
    "too-many-columns",
    "trigger",
    "trigger-off",
    "triggers-on",
    "truncate-referenced",
    "type-differs",
    "type-fallback",
    "type-unknown",
    "unique",
    "unique-left-out",
    "unknown-rename",
    "unlogged",
    "unused-pattern",
    "unused-type",
    "view",
    "view-assumption",
    "view-differs",
    "view-left-out",
    "view-of-the-target",
    "virtual-table",
];

/// What is accepted by a code that no finding can have, and what was probably meant.
#[must_use]
pub fn unknown(accept: &[String]) -> Option<(&str, Option<&'static str>)> {
    let code = |accepted: &'_ String| accepted.split(':').next().unwrap_or_default().to_owned();
    let unknown = accept.iter().find(|accepted| !CODES.contains(&code(accepted).as_str()))?;
    Some((unknown, nearest(&code(unknown), CODES)))
}

/// Every code that can be accepted, as a list.
#[must_use]
pub fn known() -> String {
    let known: Vec<&str> = CODES.iter().copied().filter(|code| !UNACCEPTABLE.contains(code)).collect();
    known.join(", ")
}

/// Sorts the findings, the gravest first, and marks those that are accepted.
pub(in crate::port) fn finish(findings: &mut [Finding], accept: &[String]) {
    for finding in findings.iter_mut() {
        debug_assert!(CODES.contains(&finding.code.as_str()), "`{}` is in no list", finding.code);
        finding.accepted |= accept.iter().any(|accepted| accepts(accepted, finding));
        finding.accepted &= !(finding.level == Level::Blocker && UNACCEPTABLE.contains(&finding.code.as_str()));
    }
    // a stable sort: within a level they stay in the order of the schema
    findings.sort_by_key(|finding| Reverse(finding.level));
}

/// Whether `accepted` (`code`, `code:object`, `code:table.object`, `code:table`) means the finding.
fn accepts(accepted: &str, finding: &Finding) -> bool {
    let Some((code, name)) = accepted.split_once(':') else { return accepted == finding.code };
    if code != finding.code {
        return false;
    }
    let is = |known: &Option<String>| known.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name));
    let both = match (&finding.table, &finding.object) {
        (Some(table), Some(object)) => Some(format!("{table}.{object}")),
        _ => None,
    };
    is(&finding.object) || is(&both) || is(&finding.table)
}

/// Codes of findings that only a run, or a rehearsal, can have.
const LATER: [&str; 3] = ["not-made", "view-differs", "schema-not-rehearsed"];

/// What is accepted and was not found, a sentence each: a typing error must not look like a choice that was followed.
pub(in crate::port) fn idle(findings: &[Finding], accept: &[String]) -> Vec<String> {
    let known: Vec<String> = findings.iter().flat_map(words).collect();
    let idle = accept.iter().filter(|accepted| {
        let later = LATER.contains(&accepted.split(':').next().unwrap_or_default());
        !later && !findings.iter().any(|finding| accepts(accepted, finding))
    });
    let told = |accepted: &String| {
        let meant = nearest(accepted, known.iter().map(String::as_str));
        let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        format!("nothing was found that is accepted by `{accepted}`{meant}")
    };
    idle.map(told).collect()
}

/// What a finding is accepted by.
fn words(finding: &Finding) -> Vec<String> {
    let code = &finding.code;
    let mut words = vec![code.clone()];
    match (&finding.table, &finding.object) {
        (Some(table), Some(object)) => {
            words.extend([format!("{code}:{object}"), format!("{code}:{table}.{object}")]);
        }
        (Some(name), None) | (None, Some(name)) => words.push(format!("{code}:{name}")),
        (None, None) => {}
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding() -> Finding {
        Finding {
            code: "trigger".to_owned(),
            table: Some("t".to_owned()),
            object: Some("tr".to_owned()),
            ..Finding::default()
        }
    }

    #[test]
    fn what_is_accepted_is_named_in_three_ways() {
        for accepted in ["trigger", "trigger:tr", "trigger:T.TR", "trigger:t"] {
            assert!(accepts(accepted, &finding()), "{accepted}");
        }
        for accepted in ["trig", "trigger:x", "trigger:t.x", "check:tr"] {
            assert!(!accepts(accepted, &finding()), "{accepted}");
        }
    }

    #[test]
    fn what_is_accepted_and_not_found_is_told_with_what_was_meant() {
        let accept = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let idle =
            idle(&[finding()], &accept(&["trigger", "trigger:tr", "triger", "trigger:t.rt", "view", "not-made"]));
        assert_eq!(
            idle,
            [
                "nothing was found that is accepted by `triger`; did you mean `trigger`?",
                "nothing was found that is accepted by `trigger:t.rt`; did you mean `trigger:t.tr`?",
                "nothing was found that is accepted by `view`",
            ]
        );
    }

    #[test]
    fn what_can_not_be_written_can_not_be_accepted() {
        let code = "bad-text".to_owned();
        let mut findings = [
            finding(),
            Finding { code: code.clone(), level: Level::Blocker, accepted: true, ..finding() },
            Finding { code, level: Level::Change, ..finding() },
        ];
        finish(&mut findings, &["bad-text".to_owned()]);
        let told: Vec<_> = findings.iter().map(|finding| (finding.level, finding.accepted)).collect();
        assert_eq!(told, [(Level::Blocker, false), (Level::Change, true), (Level::Note, false)]);
    }
}
