//! Expressions as the server stores them: the text of `nodeToString`, read node by node (src/backend/nodes/outfuncs.c).

use std::str::FromStr;

/// A node: `{NAME :field value :field value …}`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    /// Its kind, in capitals.
    pub name: &'a str,
    fields: &'a str,
}

impl<'a> Node<'a> {
    /// The node that a text is.
    pub fn read(text: &'a str) -> Option<Self> {
        let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
        let (name, fields) = inner.split_once(' ').unwrap_or((inner, ""));
        Some(Self { name, fields })
    }

    /// The node in a field.
    pub fn node(&self, field: &str) -> Option<Self> {
        Self::read(self.text(field)?)
    }

    /// The nodes of the list in a field.
    pub fn list(&self, field: &str) -> Vec<Self> {
        self.text(field).map(nodes).unwrap_or_default()
    }

    /// The number, or the truth, in a field.
    pub fn value<T: FromStr>(&self, field: &str) -> Option<T> {
        self.text(field)?.parse().ok()
    }

    /// What stands in a field.
    pub fn text(&self, field: &str) -> Option<&'a str> {
        let (mut depth, mut escaped, mut begin) = (0_usize, false, None);
        for (at, byte) in self.fields.bytes().enumerate() {
            match byte {
                // what is of a name or a text has a backslash before it
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'{' | b'(' | b'[' => depth += 1,
                b'}' | b')' | b']' => depth = depth.saturating_sub(1),
                b':' if depth == 0 && (at == 0 || self.fields.as_bytes()[at - 1] == b' ') => {
                    if let Some(begin) = begin {
                        return Some(self.fields[begin..at].trim_end());
                    }
                    let rest = &self.fields[at + 1..];
                    begin = rest
                        .strip_prefix(field)
                        .is_some_and(|value| value.starts_with(' '))
                        .then_some(at + field.len() + 2);
                }
                _ => {}
            }
        }
        begin.and_then(|begin| self.fields.get(begin..)).map(str::trim_end)
    }

    /// The number of the column whose values the expression is, but for the name of their type and their collation: the
    /// planner sees the column in it. `free` says of a type whether it is a domain that takes whatever its base does,
    /// which the planner looks through for as long as that is so.
    pub fn column(self, free: &dyn Fn(u32) -> bool) -> Option<i16> {
        let mut node = self;
        loop {
            node = match node.name {
                "RELABELTYPE" | "COLLATEEXPR" => node.node("arg")?,
                "FUNCEXPR" => node.widened()?,
                "COERCETODOMAIN" if free(node.value("resulttype")?) => node.node("arg")?,
                // below 1 are the row as a whole, and the system's columns
                "VAR" => return node.value("varattno").filter(|number| *number > 0),
                _ => return None,
            };
        }
    }
}

/// `varchar(varchar, integer, boolean)`, which cuts to a length (src/include/catalog/pg_proc.dat).
const VARCHAR: u32 = 669;

impl<'a> Node<'a> {
    /// What a call of [`VARCHAR`] cuts, where nothing is cut: the planner takes such a call away (`varchar_support` in
    /// src/backend/utils/adt/varchar.c).
    fn widened(self) -> Option<Self> {
        let (before, after) = (self.list("args").first()?.modifier()?, self.modifier()?);
        (before >= 0 && before <= after).then(|| self.list("args").first().copied()).flatten()
    }

    /// The type modifier of what the expression gives (`exprTypmod` in src/backend/nodes/nodeFuncs.c).
    fn modifier(self) -> Option<i32> {
        match self.name {
            "VAR" => self.value("vartypmod"),
            "RELABELTYPE" | "COERCETODOMAIN" => self.value("resulttypmod"),
            "FUNCEXPR" if self.value("funcid") == Some(VARCHAR) => {
                let args = self.list("args");
                let bytes = args.get(1)?.text("constvalue")?.split_once('[')?.1.trim_end_matches(']');
                // eight bytes as they are in memory; those of a server that begins with the highest are left alone
                let bytes: Vec<u8> = bytes.split_whitespace().filter_map(|byte| byte.parse().ok()).collect();
                let (low, high) = bytes.split_first_chunk::<4>()?;
                high.iter().all(|byte| *byte == 0).then(|| i32::from_le_bytes(*low))
            }
            _ => None,
        }
    }
}

/// Whether a node of the tree may be nothing but a column under another type's name.
pub(super) fn may_relabel(tree: &str) -> bool {
    ["{RELABELTYPE", "{COERCETODOMAIN", ":funcid 669 "].iter().any(|part| tree.contains(part))
}

/// The nodes at the top of a list.
pub(super) fn nodes(list: &str) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let (mut depth, mut begin, mut escaped) = (0_usize, 0, false);
    for (at, byte) in list.bytes().enumerate() {
        match byte {
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
                    found.extend(Node::read(&list[begin..=at]));
                }
            }
            _ => {}
        }
    }
    found
}

/// The types that casts to domains in these trees are to.
pub(super) fn domains<'a>(trees: impl Iterator<Item = &'a str>) -> std::collections::BTreeSet<u32> {
    let casts = trees.filter(|tree| tree.contains("{COERCETODOMAIN "));
    let numbers = casts.flat_map(|tree| tree.split(":resulttype ").skip(1));
    numbers.filter_map(|rest| rest.split([' ', '}']).next()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "({FUNCEXPR :funcid 870 :args ({RELABELTYPE :arg {VAR :varno 1 :varattno 3 :vartype 1043} \
                        :resulttype 25}) :location 1} {RELABELTYPE :arg {RELABELTYPE :arg {VAR :varno 1 :varattno 12 \
                        :location 3} :resulttype 25} :resulttype 1042} {CONST :constvalue \\{ 5} {VAR :varattno 2} \
                        {COERCETODOMAIN :arg {VAR :varattno 4} :resulttype 16390 :location -1} {COERCETODOMAIN :arg \
                        {COLLATEEXPR :arg {VAR :varattno 5} :collOid 950} :resulttype 16391} {VAR :varattno 0})";

    #[test]
    fn a_column_under_another_name_is_found_among_other_expressions() {
        let free = |domain: u32| domain == 16391;
        let columns: Vec<_> = nodes(TREE).into_iter().map(|node| node.column(&free)).collect();
        assert_eq!(columns, [None, Some(12), None, Some(2), None, Some(5), None]);
        assert_eq!(domains([TREE, "{RELABELTYPE :resulttype 7}"].into_iter()), [25, 1042, 16390, 16391].into());
    }

    #[test]
    fn a_length_that_cuts_nothing_is_looked_through() {
        let cut = |modifier: i32, bytes: &str| {
            let tree = format!(
                "{{FUNCEXPR :funcid 669 :args ({{VAR :varno 1 :varattno 3 :vartypmod {modifier}}} {{CONST :consttype 23 \
                 :constvalue 4 [ {bytes} ]}} {{CONST :consttype 16}}) :location 1}}"
            );
            Node::read(&tree).and_then(|node| node.column(&|_| false))
        };
        assert_eq!(cut(9, "24 0 0 0 0 0 0 0"), Some(3));
        assert_eq!(cut(24, "24 0 0 0 0 0 0 0"), Some(3));
        assert_eq!(cut(260, "4 1 0 0 0 0 0 0"), Some(3));
        assert_eq!(cut(25, "24 0 0 0 0 0 0 0"), None);
        assert_eq!(cut(-1, "24 0 0 0 0 0 0 0"), None);
        assert_eq!(cut(9, "0 0 0 0 0 0 0 24"), None);
    }

    #[test]
    fn a_nodes_fields_are_told_apart() {
        let node = Node::read(
            "{ROWEXPR :args ({VAR :varattno 1} {CONST :constisnull false :constvalue 4 [ 1 0 0 0 ]}) :row_typeid 2249 \
             :colnames (\"a\\ :location\\ 7\" \"f2\") :xargs <> :location 5}",
        )
        .expect("a node");
        assert_eq!(node.name, "ROWEXPR");
        let args = node.list("args");
        assert_eq!(args.iter().map(|arg| arg.name).collect::<Vec<_>>(), ["VAR", "CONST"]);
        assert_eq!(args[1].value::<bool>("constisnull"), Some(false));
        assert_eq!(args[1].text("constvalue"), Some("4 [ 1 0 0 0 ]"));
        assert_eq!((node.value("row_typeid"), node.value("location")), (Some(2249), Some(5)));
        assert!(node.text("row").is_none() && node.node("args").is_none() && node.list("xargs").is_empty());
        assert!(Node::read("<>").is_none());
    }
}
