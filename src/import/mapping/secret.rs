//! Where in a record the values stand that are hashed or encrypted, and what else of a mapping would take them as they are.

use super::{From, RecordPath, Step, TableMapping, Transform, pointer_keys};

/// A place whose values are stored only hashed or encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import) struct Secret {
    /// Where, from the record or document on.
    pub steps: Vec<Step>,
    /// Nothing brings it back.
    pub hashed: bool,
    /// `table.column` that takes it.
    pub column: String,
}

/// How a place is to another.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::import) enum Within {
    Apart,
    /// So many steps further on; none where both are the same.
    Below(Vec<Step>),
    /// The other one is further on.
    Above,
}

/// How `place` is to `base`. A key and a wildcard may be the same place.
pub(in crate::import) fn within(place: &[Step], base: &[Step]) -> Within {
    let may_be = |(a, b): (&Step, &Step)| match (a, b) {
        (Step::Key(a), Step::Key(b)) => a == b,
        (Step::Key(key), Step::Items) | (Step::Items, Step::Key(key)) => key.bytes().all(|b| b.is_ascii_digit()),
        (Step::Items, Step::Entries) | (Step::Entries, Step::Items) => false,
        _ => true,
    };
    match place.iter().zip(base).all(may_be) {
        false => Within::Apart,
        true if place.len() >= base.len() => Within::Below(place[base.len()..].to_vec()),
        true => Within::Above,
    }
}

fn steps(pointer: &str) -> Vec<Step> {
    pointer_keys(pointer).unwrap_or_default().into_iter().map(Step::Key).collect()
}

/// The secret places of a table's records, those of what is nested in them too.
pub(in crate::import) fn secrets(table: &TableMapping) -> Vec<Secret> {
    let mut found: Vec<Secret> = Vec::new();
    gather(table, &[], &mut found);
    found
}

fn gather(table: &TableMapping, base: &[Step], found: &mut Vec<Secret>) {
    for column in &table.columns {
        let (From::Pointer(pointer), Some(transform)) = (&column.from, column.transform) else { continue };
        let (steps, hashed) = ([base, &steps(pointer)].concat(), transform != Transform::Encrypt);
        // hashed and encrypted: what is encrypted comes back
        if let Some(same) = found.iter_mut().find(|known| known.steps == steps) {
            same.hashed &= hashed;
            continue;
        }
        found.push(Secret { steps, hashed, column: format!("{}.{}", table.table, column.column) });
    }
    for child in &table.children {
        gather(&child.into, &[base, &child.records.0].concat(), found);
    }
}

/// What would store a secret as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import) struct Exposed {
    /// `table.column`, or a table whose records are in the secret.
    pub taker: String,
    /// `table.column` that hashes or encrypts it.
    pub secret: String,
    /// Where the taker stands in the mapping.
    pub place: (u32, u32),
}

/// What of a table's columns and children would take a secret place's values as they are.
pub(in crate::import) fn exposed(table: &TableMapping, secrets: &[Secret]) -> Option<Exposed> {
    takes(table, &[], secrets)
}

fn takes(table: &TableMapping, base: &[Step], secrets: &[Secret]) -> Option<Exposed> {
    for column in table.columns.iter().filter(|column| column.transform.is_none()) {
        let (place, all) = match &column.from {
            From::Pointer(pointer) => ([base, &steps(pointer)].concat(), true),
            From::Whole => (base.to_vec(), false),
            _ => continue,
        };
        let taken = secrets.iter().find(|secret| match within(&secret.steps, &place) {
            Within::Apart => false,
            Within::Below(_) => true,
            Within::Above => all,
        });
        if let Some(secret) = taken {
            let taker = format!("{}.{}", table.table, column.column);
            return Some(Exposed { taker, secret: secret.column.clone(), place: column.place });
        }
    }
    table.children.iter().find_map(|child| {
        let base = [base, &child.records.0].concat();
        inside(&base, secrets)
            .map(|secret| Exposed { taker: child.into.table.clone(), secret, place: child.into.place })
            .or_else(|| takes(&child.into, &base, secrets))
    })
}

/// The secret whose value holds the records at `path`.
pub(in crate::import) fn inside(path: &[Step], secrets: &[Secret]) -> Option<String> {
    let holds = |secret: &&Secret| within(&secret.steps, path) == Within::Above;
    secrets.iter().find(holds).map(|secret| secret.column.clone())
}

/// Secrets, seen from the document on.
pub(in crate::import) fn from_document(secrets: &[Secret], records: &RecordPath) -> Vec<Secret> {
    let from = |secret: &Secret| Secret { steps: [&*records.0, &*secret.steps].concat(), ..secret.clone() };
    secrets.iter().map(from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<Step> {
        RecordPath::parse(text).expect("a path").0
    }

    #[test]
    fn places_that_may_be_the_same_are_found() {
        assert_eq!(within(&path("/a/b"), &path("/a")), Within::Below(path("/b")));
        assert_eq!(within(&path("/a"), &path("/a/b")), Within::Above);
        assert_eq!(within(&path("/a[*]/p"), &path("/a/0")), Within::Below(path("/p")));
        assert_eq!(within(&path("/a{*}/p"), &path("/a/x/p")), Within::Below(Vec::new()));
        assert_eq!(within(&path("/a[*]/p"), &path("/a/x")), Within::Apart);
        assert_eq!(within(&path("/b"), &path("/a")), Within::Apart);
    }
}
