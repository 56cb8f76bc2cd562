//! Pairs names of the source with names of the target: as asked for, exact, then near where only one is near.

use std::collections::BTreeMap;

/// A name to find a partner for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// As SQLite has it.
    pub source: String,
    /// As a person wants it.
    pub renamed: Option<String>,
    /// As the chosen style writes it.
    pub styled: String,
}

/// What was found for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// This name, exactly as asked for or as it is.
    Exact(usize),
    /// This name, which differs in case or underscores and is the only one that is so near.
    Near(usize),
    /// Several names are equally near.
    Several(Vec<usize>),
    /// Nothing.
    Nothing,
}

/// Finds for each wanted name one of `targets`, none of them twice. A rename counts for itself alone: where there is
/// no such name, no other is taken in its place. Exact names are all given away before near ones are looked for.
pub(super) fn pair(wanted: &[Wanted], targets: &[&str]) -> Vec<Found> {
    let mut pairs = Pairs { found: vec![None; wanted.len()], taken: vec![false; targets.len()] };
    let position = |name: &str| targets.iter().position(|target| *target == name);
    for (nth, name) in wanted.iter().enumerate() {
        if let Some(renamed) = &name.renamed {
            match position(renamed).filter(|at| !pairs.taken[*at]) {
                Some(at) => pairs.give(nth, at, Found::Exact(at)),
                None => pairs.found[nth] = Some(Found::Nothing),
            }
        }
    }
    for as_written in [(|name| &name.styled) as fn(&Wanted) -> &String, |name| &name.source] {
        for (nth, name) in wanted.iter().enumerate() {
            if pairs.found[nth].is_none()
                && let Some(at) = position(as_written(name)).filter(|at| !pairs.taken[*at])
            {
                pairs.give(nth, at, Found::Exact(at));
            }
        }
    }
    for key in [|name: &str| name.to_lowercase(), |name: &str| name.to_lowercase().replace('_', "")] {
        pairs.near(wanted, targets, key);
    }
    pairs.found.into_iter().map(|found| found.unwrap_or(Found::Nothing)).collect()
}

struct Pairs {
    found: Vec<Option<Found>>,
    taken: Vec<bool>,
}

impl Pairs {
    fn give(&mut self, nth: usize, at: usize, found: Found) {
        self.taken[at] = true;
        self.found[nth] = Some(found);
    }

    fn near(&mut self, wanted: &[Wanted], targets: &[&str], key: fn(&str) -> String) {
        let mut by_key: BTreeMap<String, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (nth, name) in wanted.iter().enumerate().filter(|(nth, _)| self.found[*nth].is_none()) {
            by_key.entry(key(&name.source)).or_default().0.push(nth);
        }
        for (at, name) in targets.iter().enumerate().filter(|(at, _)| !self.taken[*at]) {
            if let Some((_, candidates)) = by_key.get_mut(&key(name)) {
                candidates.push(at);
            }
        }
        for (sources, candidates) in by_key.into_values() {
            match (&sources[..], &candidates[..]) {
                (_, []) => {}
                ([nth], [at]) => self.give(*nth, *at, Found::Near(*at)),
                _ => {
                    for nth in sources {
                        self.found[nth] = Some(Found::Several(candidates.clone()));
                    }
                }
            }
        }
    }
}

/// Whether `name` fits `pattern`, in which `*` stands for any characters and `?` for one; ASCII letters without case,
/// as SQLite compares names.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // where the last `*` was, and how much of the name it has taken
    let (mut at, mut seen, mut star) = (0, 0, None);
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted.eq_ignore_ascii_case(&name[seen]) => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((back, taken)) = star else { return false };
                star = Some((back, taken + 1));
                (at, seen) = (back + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(names: &[&str]) -> Vec<Wanted> {
        names
            .iter()
            .map(|name| Wanted { source: (*name).to_owned(), renamed: None, styled: (*name).to_owned() })
            .collect()
    }

    #[test]
    fn exact_names_go_before_near_ones() {
        assert_eq!(
            pair(&wanted(&["users", "Users2"]), &["Users", "users", "users2"]),
            [Found::Exact(1), Found::Near(2)]
        );
        // `Users` is near `users`, but that one is another's own
        assert_eq!(pair(&wanted(&["orders_x", "Orders_X"]), &["Orders_X"]), [Found::Nothing, Found::Exact(0)]);
    }

    #[test]
    fn underscores_and_case_are_near() {
        assert_eq!(pair(&wanted(&["OrderDetails"]), &["order_details"]), [Found::Near(0)]);
        assert_eq!(pair(&wanted(&["order_id"]), &["orderId"]), [Found::Near(0)]);
        assert_eq!(pair(&wanted(&["a"]), &["b"]), [Found::Nothing]);
    }

    #[test]
    fn what_is_near_to_several_is_nobodys() {
        assert_eq!(pair(&wanted(&["userid"]), &["UserId", "USERID"]), [Found::Several(vec![0, 1])]);
        assert_eq!(pair(&wanted(&["user_id", "userid"]), &["UserId"]), [Found::Nothing, Found::Near(0)]);
        assert_eq!(
            pair(&wanted(&["user_id", "use_rid"]), &["UserId"]),
            [Found::Several(vec![0]), Found::Several(vec![0])]
        );
    }

    #[test]
    fn a_rename_is_kept_to() {
        let mut names = wanted(&["a", "b"]);
        names[0].renamed = Some("b".to_owned());
        assert_eq!(pair(&names, &["a", "b"]), [Found::Exact(1), Found::Nothing]);
        names[0].renamed = Some("c".to_owned());
        assert_eq!(pair(&names, &["a", "b"]), [Found::Nothing, Found::Exact(1)]);
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbcd", false),
            ("A?c", "abC", true),
            ("a?c", "ac", false),
            ("*_log", "a_b_log", true),
            ("x", "xy", false),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
