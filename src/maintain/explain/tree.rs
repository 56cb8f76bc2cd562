//! A plan drawn as text.

use super::PlanNode;

/// The plan, a line for each step and one for each condition of it.
#[must_use]
pub fn tree(plan: &[PlanNode]) -> Vec<String> {
    let mut lines = Vec::new();
    for node in plan {
        draw(node, "", "", &mut lines);
    }
    lines
}

/// `first` stands before the step's own line, `rest` before those below it.
fn draw(node: &PlanNode, first: &str, rest: &str, lines: &mut Vec<String>) {
    lines.push(format!("{first}{}{}", node.what, numbers(node)));
    if node.full_scan
        && let Some(line) = lines.last_mut()
    {
        line.push_str("  ← FULL SCAN");
    }
    let below = if node.children.is_empty() { "  " } else { "│ " };
    for condition in &node.conditions {
        lines.push(format!("{rest}{below}  {condition}"));
    }
    for (at, child) in node.children.iter().enumerate() {
        let last = at + 1 == node.children.len();
        let (branch, under) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        draw(child, &format!("{rest}{branch}"), &format!("{rest}{under}"), lines);
    }
}

fn numbers(node: &PlanNode) -> String {
    let mut parts = Vec::new();
    if let Some(rows) = node.rows {
        parts.push(format!("~{rows} rows"));
    }
    if let Some(rows) = node.actual_rows {
        parts.push(format!("{rows} there"));
    }
    if let Some(cost) = node.cost {
        parts.push(format!("cost {cost}"));
    }
    if let Some(ms) = node.actual_ms {
        parts.push(format!("{ms:.3} ms"));
    }
    if parts.is_empty() { String::new() } else { format!("  ({})", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_are_drawn() {
        let leaf = |what: &str, full_scan| PlanNode { what: what.to_owned(), full_scan, ..PlanNode::default() };
        let mut inner = leaf("inner", false);
        inner.children = vec![leaf("deep", true)];
        inner.conditions = vec!["a = b".to_owned()];
        let mut root = leaf("root", false);
        root.children = vec![inner, leaf("other", false)];
        let expected = ["root", "├─ inner", "│  │   a = b", "│  └─ deep  ← FULL SCAN", "└─ other"];
        assert_eq!(tree(&[root]), expected);
    }
}
