//! Where boxes of a diagram go: layers from parents (left) to children (right), ordered so that few lines cross. Pure.

/// What is to be laid out. Lines go from a parent to a child, by places among the boxes.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    /// Width and height of each box.
    pub boxes: Vec<(f64, f64)>,
    /// Lines; none from a box to itself.
    pub lines: Vec<(usize, usize)>,
}

/// Where all is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Layout {
    /// The upper left corner of each box.
    pub places: Vec<(f64, f64)>,
    /// For each line the points between its ends, from the parent's side to the child's: pairs at either side of each
    /// layer that it passes.
    pub bends: Vec<Vec<(f64, f64)>>,
    pub width: f64,
    pub height: f64,
}

/// Between layers, where lines turn.
const GAP_X: f64 = 90.0;
/// Between boxes of a layer.
const GAP_Y: f64 = 22.0;
/// What a line takes where it passes a layer.
const LANE: f64 = 4.0;
/// How often the order of layers is improved.
const SWEEPS: usize = 12;

/// A box, or a place where a line passes a layer.
#[derive(Debug, Clone)]
struct Node {
    layer: usize,
    width: f64,
    height: f64,
    /// Neighbours in the layer before and after.
    before: Vec<usize>,
    after: Vec<usize>,
}

/// Lays `graph` out.
pub(super) fn layout(graph: &Graph) -> Layout {
    if graph.boxes.is_empty() {
        return Layout::default();
    }
    let lines = without_circles(graph);
    let layers_of = layers(graph.boxes.len(), &lines);
    let mut nodes: Vec<Node> = graph
        .boxes
        .iter()
        .zip(&layers_of)
        .map(|(&(width, height), &layer)| Node { layer, width, height, before: Vec::new(), after: Vec::new() })
        .collect();
    let mut chains = Vec::new();
    for &(from, to, turned) in &lines {
        let mut chain = vec![from];
        for layer in nodes[from].layer + 1..nodes[to].layer {
            nodes.push(Node { layer, width: 0.0, height: LANE, before: Vec::new(), after: Vec::new() });
            chain.push(nodes.len() - 1);
        }
        chain.push(to);
        for pair in chain.windows(2) {
            nodes[pair[0]].after.push(pair[1]);
            nodes[pair[1]].before.push(pair[0]);
        }
        chains.push((chain, turned));
    }
    let count = nodes.iter().map(|node| node.layer).max().unwrap_or(0) + 1;
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, node) in nodes.iter().enumerate() {
        layers[node.layer].push(at);
    }
    order(&nodes, &mut layers);
    let tops = tops(&nodes, &layers);
    let widths: Vec<f64> =
        layers.iter().map(|layer| layer.iter().map(|&at| nodes[at].width).fold(0.0, f64::max)).collect();
    let mut lefts = Vec::new();
    let mut x = 0.0;
    for width in &widths {
        lefts.push(x);
        x += width + GAP_X;
    }
    let places = (0..graph.boxes.len()).map(|at| (lefts[nodes[at].layer], tops[at])).collect();
    let bends = chains.into_iter().map(|(chain, turned)| {
        let mut bends: Vec<(f64, f64)> = Vec::new();
        for &at in &chain[1..chain.len() - 1] {
            let (left, y) = (lefts[nodes[at].layer], tops[at] + LANE / 2.0);
            bends.extend([(left, y), (left + widths[nodes[at].layer], y)]);
        }
        if turned {
            bends.reverse();
        }
        bends
    });
    let height = (0..nodes.len()).map(|at| tops[at] + nodes[at].height).fold(0.0, f64::max);
    Layout { places, bends: bends.collect(), width: x - GAP_X, height }
}

/// The lines, those turned round that would close a circle; with whether they were.
fn without_circles(graph: &Graph) -> Vec<(usize, usize, bool)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        Open,
        Done,
    }
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); graph.boxes.len()];
    for (line, &(from, _)) in graph.lines.iter().enumerate() {
        out[from].push(line);
    }
    let mut seen = vec![Seen::No; graph.boxes.len()];
    let mut turned = vec![false; graph.lines.len()];
    // boxes that nothing leads to first: what is a parent stays one
    let mut starts: Vec<usize> = (0..graph.boxes.len()).collect();
    starts.sort_by_key(|&at| graph.lines.iter().filter(|(_, to)| *to == at).count());
    for start in starts {
        let mut stack = vec![(start, 0)];
        while let Some((at, next)) = stack.pop() {
            if next == 0 {
                if seen[at] != Seen::No {
                    continue;
                }
                seen[at] = Seen::Open;
            }
            match out[at].get(next) {
                Some(&line) => {
                    stack.push((at, next + 1));
                    let to = graph.lines[line].1;
                    match seen[to] {
                        Seen::Open => turned[line] = true,
                        Seen::No => stack.push((to, 0)),
                        Seen::Done => {}
                    }
                }
                None => seen[at] = Seen::Done,
            }
        }
    }
    let lines = graph.lines.iter().zip(turned);
    lines.map(|(&(from, to), turned)| if turned { (to, from, true) } else { (from, to, false) }).collect()
}

/// The layer of each box: one after the last of those that lead to it; those that nothing leads to just before the first
/// that they lead to.
fn layers(count: usize, lines: &[(usize, usize, bool)]) -> Vec<usize> {
    let mut layers = vec![0; count];
    for _ in 0..count {
        let mut changed = false;
        for &(from, to, _) in lines {
            if layers[to] <= layers[from] {
                layers[to] = layers[from] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    for at in 0..count {
        let leads: Vec<usize> = lines.iter().filter(|line| line.0 == at).map(|line| layers[line.1]).collect();
        if let Some(first) = leads.iter().min()
            && !lines.iter().any(|line| line.1 == at)
        {
            layers[at] = first - 1;
        }
    }
    layers
}

/// Orders each layer by where its neighbours are, back and forth, and keeps the order with the fewest crossings.
fn order(nodes: &[Node], layers: &mut Vec<Vec<usize>>) {
    let mut best = (crossings(nodes, layers), layers.clone());
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let turn: Vec<usize> =
            if forward { (1..layers.len()).collect() } else { (0..layers.len() - 1).rev().collect() };
        for layer in turn {
            let beside = if forward { layer - 1 } else { layer + 1 };
            let mut place = vec![0.0; nodes.len()];
            for (at, &node) in layers[beside].iter().enumerate() {
                place[node] = at as f64;
            }
            let own: Vec<(usize, usize)> = layers[layer].iter().copied().enumerate().collect();
            let mut keyed: Vec<(f64, usize)> = own
                .into_iter()
                .map(|(at, node)| {
                    let neighbours = if forward { &nodes[node].before } else { &nodes[node].after };
                    let sum: f64 = neighbours.iter().map(|&neighbour| place[neighbour]).sum();
                    (if neighbours.is_empty() { at as f64 } else { sum / neighbours.len() as f64 }, node)
                })
                .collect();
            keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
            layers[layer] = keyed.into_iter().map(|(_, node)| node).collect();
        }
        let crossings = crossings(nodes, layers);
        if crossings < best.0 {
            best = (crossings, layers.clone());
        }
    }
    *layers = best.1;
}

fn crossings(nodes: &[Node], layers: &[Vec<usize>]) -> usize {
    let mut place = vec![0; nodes.len()];
    for layer in layers {
        for (at, &node) in layer.iter().enumerate() {
            place[node] = at;
        }
    }
    let mut count = 0;
    for layer in layers {
        let lines: Vec<(usize, usize)> =
            layer.iter().flat_map(|&node| nodes[node].after.iter().map(move |&to| (node, to))).collect();
        let lines: Vec<(usize, usize)> = lines.into_iter().map(|(from, to)| (place[from], place[to])).collect();
        for (at, one) in lines.iter().enumerate() {
            count += lines[at + 1..]
                .iter()
                .filter(|two| (one.0 < two.0) != (one.1 < two.1) && one.0 != two.0 && one.1 != two.1)
                .count();
        }
    }
    count
}

/// The upper edge of each node: beside its neighbours, as far as the others of its layer leave room.
fn tops(nodes: &[Node], layers: &[Vec<usize>]) -> Vec<f64> {
    let mut tops = vec![0.0; nodes.len()];
    let gap = |one: usize, other: usize| {
        if nodes[one].width == 0.0 || nodes[other].width == 0.0 { GAP_Y / 2.0 } else { GAP_Y }
    };
    for layer in layers {
        let mut y = 0.0;
        for (at, &node) in layer.iter().enumerate() {
            if at > 0 {
                y += gap(layer[at - 1], node);
            }
            tops[node] = y;
            y += nodes[node].height;
        }
    }
    for sweep in 0..SWEEPS {
        let turn: Vec<usize> =
            if sweep % 2 == 0 { (0..layers.len()).collect() } else { (0..layers.len()).rev().collect() };
        for layer in turn {
            let layer = &layers[layer];
            let wanted: Vec<f64> = layer
                .iter()
                .map(|&node| {
                    let beside: Vec<usize> = nodes[node].before.iter().chain(&nodes[node].after).copied().collect();
                    if beside.is_empty() {
                        return tops[node];
                    }
                    let middle: f64 = beside.iter().map(|&other| tops[other] + nodes[other].height / 2.0).sum();
                    middle / beside.len() as f64 - nodes[node].height / 2.0
                })
                .collect();
            let mut down = wanted.clone();
            for at in 1..layer.len() {
                down[at] = down[at].max(down[at - 1] + nodes[layer[at - 1]].height + gap(layer[at - 1], layer[at]));
            }
            let mut up = wanted;
            for at in (0..layer.len().saturating_sub(1)).rev() {
                up[at] = up[at].min(up[at + 1] - nodes[layer[at]].height - gap(layer[at], layer[at + 1]));
            }
            // each keeps the distances, and so does what is half-way between them
            for (at, &node) in layer.iter().enumerate() {
                tops[node] = (down[at] + up[at]) / 2.0;
            }
        }
    }
    let least = tops.iter().copied().fold(f64::INFINITY, f64::min);
    tops.iter().map(|top| top - least).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn overlaps(graph: &Graph, layout: &Layout) -> bool {
        let span = |at: usize| {
            let ((x, y), (width, height)) = (layout.places[at], graph.boxes[at]);
            (x, y, x + width, y + height)
        };
        (0..graph.boxes.len()).any(|one| {
            (one + 1..graph.boxes.len()).any(|other| {
                let ((left, top, right, bottom), (l, t, r, b)) = (span(one), span(other));
                left < r && l < right && top < b && t < bottom
            })
        })
    }

    proptest! {
        #[test]
        fn boxes_never_overlap_and_stay_inside(
            boxes in proptest::collection::vec((60.0..300.0f64, 30.0..200.0f64), 1..40),
            lines in proptest::collection::vec((0..40usize, 0..40usize), 0..80),
        ) {
            let count = boxes.len();
            let lines = lines.into_iter().map(|(one, other)| (one % count, other % count)).filter(|(a, b)| a != b).collect();
            let graph = Graph { boxes, lines };
            let layout = layout(&graph);
            prop_assert!(!overlaps(&graph, &layout));
            for ((x, y), (width, height)) in layout.places.iter().zip(&graph.boxes) {
                prop_assert!(*x >= 0.0 && *y >= -0.001 && x + width <= layout.width + 0.001 && y + height <= layout.height + 0.001);
            }
            prop_assert_eq!(layout.bends.len(), graph.lines.len());
        }
    }

    #[test]
    fn children_stand_to_the_right() {
        let graph = Graph { boxes: vec![(100.0, 50.0); 4], lines: vec![(2, 0), (0, 1), (2, 1)] };
        let layout = layout(&graph);
        assert!(layout.places[2].0 < layout.places[0].0 && layout.places[0].0 < layout.places[1].0);
        assert_eq!(layout.bends[2].len(), 2);
    }
}
