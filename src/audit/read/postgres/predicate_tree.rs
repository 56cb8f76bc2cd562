//! A WHERE clause that casts, compares truths, builds rows or has constants in it, read from the tree that the server
//! stores: of its text nobody can tell which cast only changes a type's name.

use super::tree::{Node, nodes};
use crate::audit::schema::Predicate;

// src/include/catalog/pg_operator.dat: `=` and `<>`
const BOOLEAN_EQUAL: u32 = 91;
const BOOLEAN_UNEQUAL: u32 = 85;
/// Of smallint, integer, bigint.
const INTEGERS_EQUAL: [u32; 3] = [94, 96, 410];
const INTEGERS_UNEQUAL: [u32; 3] = [519, 518, 411];
const TEXTS_EQUAL: u32 = 98;

/// What is known beside the tree.
pub(super) struct Known<'a> {
    /// The name of the column of a number.
    pub name_of: &'a dyn Fn(i16) -> Option<String>,
    /// Whether a type is a domain that takes whatever its base does.
    pub free: &'a dyn Fn(u32) -> bool,
    /// The clause as the server writes it.
    pub sql: &'a str,
}

/// Whether the tree tells more than its text: IS NULL is about a cast, a row or a truth that is compared, or a constant is
/// what is asked about.
pub(super) fn tells_more(tree: &str) -> bool {
    let has = |parts: &[&str]| parts.iter().any(|part| tree.contains(part));
    has(&[" ({CONST", ":arg {CONST", "{BOOLEANTEST"])
        || tree.contains("{NULLTEST")
            && has(&[
                "{RELABELTYPE",
                "{COERCETODOMAIN",
                "{COLLATEEXPR",
                "{ROWEXPR",
                ":funcid 669 ",
                ":opno 91 ",
                ":opno 85 ",
            ])
}

/// The clause as a tree, simplified as [`super::predicate::parse`] does.
pub(super) fn parse(tree: &str, known: &Known<'_>) -> Predicate {
    // an index's clause is stored with its ANDs as a list, or as one node
    let parts = nodes(tree).into_iter().map(|node| known.read(node, false));
    fold(parts.collect(), true)
}

fn constant(truth: bool) -> Predicate {
    if truth { Predicate::And(Vec::new()) } else { Predicate::Or(Vec::new()) }
}

fn as_constant(predicate: &Predicate) -> Option<bool> {
    match predicate {
        Predicate::And(parts) if parts.is_empty() => Some(true),
        Predicate::Or(parts) if parts.is_empty() => Some(false),
        _ => None,
    }
}

/// All of them, or one of them, without what is constant.
fn fold(parts: Vec<Predicate>, and: bool) -> Predicate {
    if parts.iter().any(|part| as_constant(part) == Some(!and)) {
        return constant(!and);
    }
    let mut parts: Vec<_> = parts.into_iter().filter(|part| as_constant(part).is_none()).collect();
    match (parts.len(), and) {
        (1, _) => parts.remove(0),
        (_, true) => Predicate::And(parts),
        (_, false) => Predicate::Or(parts),
    }
}

impl Known<'_> {
    fn other(&self) -> Predicate {
        Predicate::Other(self.sql.to_owned())
    }

    fn read(&self, node: Node<'_>, negated: bool) -> Predicate {
        let read = match node.name {
            "BOOLEXPR" => {
                let parts = node.list("args");
                match (node.text("boolop"), parts.as_slice()) {
                    (Some("not"), [one]) => Some(self.read(*one, !negated)),
                    (Some(word @ ("and" | "or")), parts) => {
                        let parts = parts.iter().map(|part| self.read(*part, negated)).collect();
                        Some(fold(parts, (word == "and") != negated))
                    }
                    _ => None,
                }
            }
            "NULLTEST" => self.null_test(node, negated),
            "OPEXPR" => self.comparison(node, negated),
            "BOOLEANTEST" => self.boolean_test(node).map(|truth| constant(truth != negated)),
            "CONST" => truth(node).map(|truth| constant(truth != negated)),
            "RELABELTYPE" => node.node("arg").map(|arg| self.read(arg, negated)),
            "COERCETODOMAIN" if node.value("resulttype").is_some_and(self.free) => {
                node.node("arg").map(|arg| self.read(arg, negated))
            }
            _ => None,
        };
        read.unwrap_or_else(|| self.other())
    }

    fn null_test(&self, node: Node<'_>, negated: bool) -> Option<Predicate> {
        let arg = node.node("arg")?;
        let for_null = node.value::<u8>("nulltesttype")? == 0;
        if node.value("argisrow")? {
            // asks after every field; of a row that is written as one the planner makes a test of each
            let fields = (arg.name == "ROWEXPR").then(|| arg.list("args"))?;
            let parts = fields.into_iter().map(|field| self.is_null(field, for_null, negated)).collect();
            return Some(fold(parts, !negated));
        }
        Some(self.is_null(arg, for_null, negated))
    }

    fn is_null(&self, node: Node<'_>, for_null: bool, negated: bool) -> Predicate {
        if node.name == "CONST"
            && let Some(is_null) = node.value::<bool>("constisnull")
        {
            return constant((is_null == for_null) != negated);
        }
        let column = if for_null == negated { node.column(self.free) } else { None };
        column.and_then(self.name_of).map_or_else(|| self.other(), Predicate::NotNull)
    }

    fn comparison(&self, node: Node<'_>, negated: bool) -> Option<Predicate> {
        let operator: u32 = node.value("opno")?;
        let [left, right] = node.list("args")[..] else { return None };
        if operator == BOOLEAN_EQUAL || operator == BOOLEAN_UNEQUAL {
            let sides = [as_constant(&self.read(left, false)), as_constant(&self.read(right, false))];
            let (truth, rest) = match sides {
                [_, Some(truth)] => (truth, left),
                [Some(truth), _] => (truth, right),
                _ => return None,
            };
            return Some(self.read(rest, negated == (truth == (operator == BOOLEAN_EQUAL))));
        }
        let same = same_constants(left, right)?;
        let equal = INTEGERS_EQUAL.contains(&operator);
        if equal || INTEGERS_UNEQUAL.contains(&operator) {
            return Some(constant((same == equal) != negated));
        }
        // texts that differ may be equal by a collation
        (operator == TEXTS_EQUAL && same).then(|| constant(!negated))
    }

    /// `IS TRUE` and its kin, of what is constant; the planner proves nothing of others.
    fn boolean_test(&self, node: Node<'_>) -> Option<bool> {
        let arg = node.node("arg")?;
        let is_null = arg.name == "CONST" && arg.value::<bool>("constisnull")?;
        let truth = if is_null { None } else { Some(as_constant(&self.read(arg, false))?) };
        // src/include/nodes/primnodes.h
        Some(match node.value::<u8>("booltesttype")? {
            0 => truth == Some(true),
            1 => truth != Some(true),
            2 => truth == Some(false),
            3 => truth != Some(false),
            4 => truth.is_none(),
            5 => truth.is_some(),
            _ => return None,
        })
    }
}

/// A constant's truth; `None` where it is none, or NULL.
fn truth(node: Node<'_>) -> Option<bool> {
    // src/include/catalog/pg_type.dat
    if node.value::<u32>("consttype")? != 16 || node.value("constisnull")? {
        return None;
    }
    let bytes = node.text("constvalue")?.split_once('[')?.1;
    Some(bytes.split([' ', ']']).any(|byte| !byte.is_empty() && byte != "0"))
}

/// Whether two constants are the same value; `None` where one is none, or NULL.
fn same_constants(left: Node<'_>, right: Node<'_>) -> Option<bool> {
    let of = |node: Node<'_>| {
        let there = node.name == "CONST" && !node.value::<bool>("constisnull").unwrap_or(true);
        there.then(|| Some((node.value::<u32>("consttype")?, node.text("constvalue")?.to_owned()))).flatten()
    };
    let ((one, left), (other, right)) = (of(left)?, of(right)?);
    (one == other).then_some(left == right)
}

#[cfg(test)]
#[path = "predicate_tree_tests.rs"]
mod tests;
