//! Expressions of indexes, told apart by the trees that the server stores: it writes each as SQL once, however many tables
//! have it. Asked to write those of thousands of indexes, it opens each one's table first.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Expressions that the server is asked to write.
#[derive(Debug, Default)]
pub(super) struct Expressions {
    numbers: HashMap<String, usize>,
    /// For each an index that has it, and whether it is that one's predicate.
    pub asked: Vec<(u32, bool)>,
}

impl Expressions {
    /// The number of what an index has there: those with the same number are written alike. `name_of` knows the columns of
    /// the index's table.
    pub fn number<'a>(
        &mut self,
        (table, index): (u32, u32),
        is_predicate: bool,
        tree: &str,
        name_of: impl Fn(i16) -> Option<&'a str>,
    ) -> usize {
        match self.numbers.entry(told_apart(tree, table, name_of)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => {
                self.asked.push((index, is_predicate));
                *unknown.insert(self.asked.len() - 1)
            }
        }
    }
}

/// The tree without the places in statements of long ago (`:location`), with the names of its columns behind it: what it
/// takes to write it (`deparse_expression` in src/backend/utils/adt/ruleutils.c). A whole row is written by its table's
/// name.
fn told_apart<'a>(tree: &str, table: u32, name_of: impl Fn(i16) -> Option<&'a str>) -> String {
    const PLACE: &str = " :location ";
    const COLUMN: &str = ":varattno ";
    let mut told = String::with_capacity(tree.len() + 64);
    let mut names = String::new();
    let mut rest = tree;
    while let Some(at) = rest.find(" :") {
        // a space in a name or a text is written with a backslash before it
        let is_field = !rest[..at].ends_with('\\');
        let from = &rest[at..];
        told.push_str(&rest[..at]);
        if is_field && let Some(place) = from.strip_prefix(PLACE) {
            rest = place.trim_start_matches(|letter: char| letter == '-' || letter.is_ascii_digit());
            continue;
        }
        if is_field && let Some(number) = from[1..].strip_prefix(COLUMN) {
            let number = number.split([' ', '}']).next().and_then(|number| number.parse::<i16>().ok());
            names.push('\n');
            match number.filter(|number| *number > 0).and_then(&name_of) {
                Some(name) => names.push_str(name),
                None => names.push_str(&table.to_string()),
            }
        }
        told.push_str(" :");
        rest = &from[2..];
    }
    told.push_str(rest);
    told.push_str(&names);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str =
        "{NULLTEST :arg {VAR :varno 1 :varattno 5 :vartype 25 :location 57} :nulltesttype 1 :location 59}";

    fn names(names: &[(i16, &'static str)]) -> impl Fn(i16) -> Option<&'static str> {
        let names = names.to_vec();
        move |number| names.iter().find(|(own, _)| *own == number).map(|(_, name)| *name)
    }

    #[test]
    fn what_differs_in_places_alone_is_written_once() {
        let mut expressions = Expressions::default();
        let elsewhere = TREE.replace("57", "-1").replace("59", "1234");
        let other_type = TREE.replace("25", "20");
        let whole_row = TREE.replace("varattno 5", "varattno 0");
        let mut number =
            |table, tree: &str, name| expressions.number((table, table + 100), true, tree, names(&[(5, name)]));
        assert_eq!(number(1, TREE, "d"), 0);
        assert_eq!(number(2, &elsewhere, "d"), 0);
        assert_eq!(number(3, TREE, "other"), 1);
        assert_eq!(number(4, &other_type, "d"), 2);
        assert_eq!(number(5, &whole_row, "d"), 3);
        assert_eq!(number(6, &whole_row, "d"), 4);
        assert_eq!(expressions.asked, [(101, true), (103, true), (104, true), (105, true), (106, true)]);
    }

    #[test]
    fn what_is_in_a_name_stays() {
        let named = |name: &str| format!("{{FIELDSELECT :resname a\\ :location\\ {name} :location 7}}");
        let told = |tree: &str| told_apart(tree, 1, |_| None);
        assert_ne!(told(&named("5")), told(&named("6")));
        assert_eq!(told(&named("5")), told(&named("5").replace("7}", "8}")));
    }
}
