//! Values that are hashed or encrypted, taken out of everything else: records, what is written down of files, messages.

use std::borrow::Cow;

use serde_json::Value;

use super::ImportError;
use super::mapping::{Exposed, Mapping, Secret, Step, Within, exposed, from_document, inside, secrets, within};
use super::read::Found;

/// What is to be taken out of what a source's files hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Hidden {
    /// Of its records.
    record: Vec<Secret>,
    /// Of a document without its records.
    document: Vec<Secret>,
}

impl Hidden {
    /// Whether there is nothing to take out.
    pub fn is_empty(&self) -> bool {
        self.document.is_empty()
    }

    /// The record as everything may see it but the columns that hash and encrypt.
    pub fn record<'a>(&self, value: &'a Value) -> Cow<'a, Value> {
        if self.record.is_empty() {
            return Cow::Borrowed(value);
        }
        let mut value = value.clone();
        self.record.iter().for_each(|secret| take_out(&mut value, &secret.steps, secret.hashed));
        Cow::Owned(value)
    }

    /// The same of what a document holds besides its records. Front matter as it was written can't be taken apart: none of
    /// it is kept.
    pub fn document(&self, envelope: &mut Value) {
        if envelope.is_string() && !self.is_empty() {
            *envelope = Value::Null;
        }
        self.document.iter().for_each(|secret| take_out(envelope, &secret.steps, secret.hashed));
    }
}

/// What each source hides: its own secrets, and those of sources that read the same files.
///
/// # Errors
/// A column of one takes as it is what another hashes or encrypts.
pub(super) fn hidden(mapping: &Mapping, found: &Found) -> Result<Vec<Hidden>, ImportError> {
    let own: Vec<Vec<Secret>> = mapping.sources.iter().map(|source| secrets(&source.into)).collect();
    if own.iter().all(Vec::is_empty) {
        return Ok(vec![Hidden::default(); own.len()]);
    }
    let mut all = Vec::new();
    for (at, source) in mapping.sources.iter().enumerate() {
        let mut hidden = Hidden::default();
        for (other, secrets) in own.iter().enumerate() {
            if other != at && !share(found, at, other) {
                continue;
            }
            let absolute = from_document(secrets, &mapping.sources[other].records);
            let refused = |Exposed { taker, secret, place }: Exposed| {
                let name = &source.name;
                let files = mapping.sources[other].name.as_str();
                let message = format!(
                    "`{taker}` of `{name}` would store as it is what `{secret}` of `{files}` hashes or encrypts: both read the same files"
                );
                let hint = "hash or encrypt it there too, or take other places of the record".to_owned();
                Err(mapping.written.at(place, ImportError::Mapping { message, hint: Some(hint) }))
            };
            if other == at {
                hidden.record.extend(secrets.iter().cloned());
            } else {
                if let Some(secret) = inside(&source.records.0, &absolute) {
                    return refused(Exposed { taker: source.into.table.clone(), secret, place: source.into.place });
                }
                let relative = |secret: &Secret| match within(&secret.steps, &source.records.0) {
                    Within::Below(steps) => Some(Secret { steps, ..secret.clone() }),
                    _ => None,
                };
                let relative: Vec<Secret> = absolute.iter().filter_map(relative).collect();
                if let Some(exposed) = exposed(&source.into, &relative) {
                    return refused(exposed);
                }
                // what this one encrypts keeps its place
                let there = |secret: &Secret| hidden.record.iter().any(|known| known.steps == secret.steps);
                let new: Vec<Secret> = relative.into_iter().filter(|secret| !there(secret)).collect();
                hidden.record.extend(new);
            }
            hidden.document.extend(absolute);
        }
        all.push(hidden);
    }
    Ok(all)
}

fn share(found: &Found, one: usize, other: usize) -> bool {
    let paths: std::collections::HashSet<&str> = found.sources[one].iter().map(|file| file.path.as_str()).collect();
    found.sources[other].iter().any(|file| paths.contains(file.path.as_str()))
}

/// Takes away what is at these steps; what can come back leaves a null in its place.
fn take_out(value: &mut Value, steps: &[Step], away: bool) {
    let Some((step, rest)) = steps.split_first() else {
        *value = Value::Null;
        return;
    };
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => {
            if rest.is_empty() && away {
                map.shift_remove(key);
            } else if let Some(inner) = map.get_mut(key) {
                take_out(inner, rest, away);
            }
        }
        (Step::Key(key), Value::Array(items)) => {
            if let Some(inner) = key.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                take_out(inner, rest, away);
            }
        }
        (Step::Items, Value::Array(items)) => items.iter_mut().for_each(|item| take_out(item, rest, away)),
        (Step::Entries, Value::Object(map)) => map.values_mut().for_each(|item| take_out(item, rest, away)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::import::read::SourceFile;

    fn found(files: &[&[&str]]) -> Found {
        let file = |path: &&str| SourceFile { path: (*path).to_owned(), ..SourceFile::default() };
        Found { sources: files.iter().map(|paths| paths.iter().map(file).collect()).collect(), ..Found::default() }
    }

    fn mapping(yaml: &str) -> Mapping {
        Mapping::parse(Path::new("import.yaml"), yaml).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn secrets_are_taken_out_of_records_and_of_what_surrounds_them() {
        let mapping = mapping(
            "sources:\n  - files: a.json\n    records: \"/users[*]\"\n    table: u\n    columns: {p: {pointer: /p, hash: sha256}, \
             e: {pointer: /o/e, encrypt: aes-256-gcm}, r: rest}\n    children:\n      - {records: \"/k{*}\", table: k, \
             parent: {u: p}, columns: {s: {pointer: \"\", encrypt: aes-256-gcm}}}\n  \
             - {files: a.json, records: \"/roles[*]\", table: r, columns: {n: /n}}\n",
        );
        let hidden = hidden(&mapping, &found(&[&["a.json"], &["a.json"]])).expect("no conflict");
        let user = json!({"p": "secret", "o": {"e": "secret", "x": 1}, "k": {"a": "secret", "b": null}, "z": [1]});
        let seen = json!({"o": {"e": null, "x": 1}, "k": {"a": null, "b": null}, "z": [1]});
        assert_eq!(*hidden[0].record(&user), seen);
        assert!(matches!(hidden[1].record(&user), Cow::Borrowed(_)));
        let mut document = json!({"users": [user], "roles": []});
        hidden[1].document(&mut document);
        assert_eq!(document, json!({"users": [seen], "roles": []}));
        // where files are not shared, nothing is
        let apart = super::hidden(&mapping, &found(&[&["a.json"], &["b.json"]])).expect("no conflict");
        assert!(apart[1].is_empty());
    }

    #[test]
    fn another_source_of_the_same_files_does_not_take_them() {
        let of = |second: &str| {
            let yaml = format!(
                "sources:\n  - {{files: a.json, records: \"/users[*]\", table: u, columns: {{p: {{pointer: /p, hash: sha256}}}}}}\n  - {second}\n"
            );
            hidden(&mapping(&yaml), &found(&[&["a.json"], &["a.json"]])).map(drop)
        };
        for taker in [
            "{files: a.json, table: d, columns: {all: whole}}",
            "{files: a.json, table: d, columns: {all: /users}}",
            "{files: a.json, records: \"/users[*]\", table: d, columns: {q: /p}}",
            "{files: a.json, records: \"/users{*}\", table: d, columns: {q: /p}}",
            "{files: a.json, records: \"/users[*]/p\", table: d, columns: {q: /x}}",
        ] {
            let error = of(taker).err().map(|error| error.to_string());
            match taker.contains("{*}") {
                true => assert_eq!(error, None, "an array has no entries"),
                false => assert!(error.is_some_and(|error| error.contains("both read the same files")), "{taker}"),
            }
        }
        for apart in [
            "{files: a.json, table: d, columns: {all: rest}}",
            "{files: a.json, records: \"/users[*]\", table: d, columns: {q: /q, r: rest}}",
            "{files: a.json, records: \"/users[*]\", table: d, columns: {q: {pointer: /p, hash: bcrypt}}}",
        ] {
            assert!(of(apart).is_ok(), "{apart}");
        }
    }
}
