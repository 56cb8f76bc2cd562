//! Index expressions that are a column under another type's name, found in the trees that the server stores.

/// For each expression of a list's tree, the number of the column that it is but for the name of its type.
///
/// The tree is what `nodeToString` writes: `({RELABELTYPE :arg {VAR :varno 1 :varattno 2 …} …} {FUNCEXPR …})`
/// (src/backend/nodes/outfuncs.c). Where it is anything else, nothing is found, and the expression is like any other:
/// a cast to a domain too, which the planner looks through for as long as the domain has no constraints.
pub(super) fn relabelled_columns(tree: &str) -> Vec<Option<i16>> {
    nodes(tree).into_iter().map(relabelled_column).collect()
}

fn relabelled_column(mut node: &str) -> Option<i16> {
    while let Some(inner) = node.strip_prefix("{RELABELTYPE :arg ") {
        node = inner;
    }
    let fields = node.strip_prefix("{VAR ")?;
    let number = fields.split_once(":varattno ")?.1.split([' ', '}']).next()?;
    number.parse().ok()
}

/// The nodes at the top of a list.
fn nodes(tree: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut begin, mut escaped) = (0_usize, 0, false);
    for (at, byte) in tree.bytes().enumerate() {
        match byte {
            // a brace in a name or a text is written with a backslash before it
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => {
                if depth == 0 {
                    begin = at;
                }
                depth += 1;
            }
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    found.push(&tree[begin..=at]);
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_under_another_name_is_found_among_other_expressions() {
        let tree = "({FUNCEXPR :funcid 870 :args ({RELABELTYPE :arg {VAR :varno 1 :varattno 3 :vartype 1043} \
                    :resulttype 25}) :location 1} {RELABELTYPE :arg {RELABELTYPE :arg {VAR :varno 1 :varattno 12 \
                    :location 3} :resulttype 25} :resulttype 1042} {CONST :constvalue \\{ 5} {VAR :varattno 2})";
        assert_eq!(relabelled_columns(tree), [None, Some(12), None, Some(2)]);
    }
}
