//! The order in which tables are filled where their foreign keys stay on: parents first.

use super::matching::TableMatch;

/// Tables that refer to one another in a circle, so that none of them can be filled first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tables {} refer to one another in a circle", names(.tables))]
pub struct Cycle {
    /// The tables' names in the target; each refers to the next, the last to the first.
    pub tables: Vec<String>,
}

fn names(tables: &[String]) -> String {
    tables.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ")
}

impl Cycle {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some("connect as the owner of the tables: then their foreign keys are taken off for the copy".to_owned())
    }
}

/// The positions of `tables` in an order in which each comes after those that its foreign keys refer to, as far as
/// these stay on during the copy ([`TableMatch::parents`]); otherwise as they come.
///
/// # Errors
/// [`Cycle`] where there is no such order.
pub fn fill_order(tables: &[TableMatch]) -> Result<Vec<usize>, Cycle> {
    let parents: Vec<Vec<usize>> = tables
        .iter()
        .map(|table| {
            let positions = table.parents.iter().filter_map(|name| tables.iter().position(|t| t.target == *name));
            positions.collect()
        })
        .collect();
    let mut order = Vec::with_capacity(tables.len());
    let mut placed = vec![false; tables.len()];
    while order.len() < tables.len() {
        let next = (0..tables.len()).find(|&at| !placed[at] && parents[at].iter().all(|&parent| placed[parent]));
        let Some(next) = next else { return Err(circle(tables, &parents, &placed)) };
        placed[next] = true;
        order.push(next);
    }
    Ok(order)
}

/// Every table that is left has a parent that is left: following them comes round.
fn circle(tables: &[TableMatch], parents: &[Vec<usize>], placed: &[bool]) -> Cycle {
    let mut path: Vec<usize> = Vec::new();
    let mut at = placed.iter().position(|placed| !placed);
    while let Some(table) = at {
        if let Some(start) = path.iter().position(|&seen| seen == table) {
            path.drain(..start);
            break;
        }
        path.push(table);
        at = parents[table].iter().copied().find(|&parent| !placed[parent]);
    }
    Cycle { tables: path.into_iter().map(|at| tables[at].target.clone()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, parents: &[&str]) -> TableMatch {
        TableMatch {
            target: name.to_owned(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
            ..TableMatch::default()
        }
    }

    #[test]
    fn parents_come_first_and_else_the_order_stays() {
        let tables = [table("c", &["b", "outside"]), table("z", &[]), table("b", &["a"]), table("a", &[])];
        assert_eq!(fill_order(&tables), Ok(vec![1, 3, 2, 0]));
        assert_eq!(fill_order(&[]), Ok(vec![]));
    }

    #[test]
    fn a_circle_is_named_without_what_only_leads_to_it() {
        let tables = [table("leads", &["a"]), table("a", &["b"]), table("b", &["a"])];
        let cycle = Cycle { tables: vec!["a".to_owned(), "b".to_owned()] };
        assert_eq!(fill_order(&tables).as_ref(), Err(&cycle));
        assert_eq!(cycle.to_string(), "the tables `a` → `b` refer to one another in a circle");
    }
}
