//! The room of rows that nobody needs any more, given to new ones.

use crate::import::bind::Cell;

/// So many texts are kept beside the rows.
const TEXTS: usize = 64;

/// Room for rows: what is given of it is empty.
#[derive(Debug, Default)]
pub(in crate::import) struct Room {
    rows: Vec<Vec<Cell>>,
    texts: Vec<String>,
}

impl Room {
    /// Whether no more rows are in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes the cells of rows.
    pub fn fill(&mut self, rows: Vec<Vec<Cell>>) {
        self.rows.extend(rows);
    }

    /// So many cells, all NULL.
    pub(super) fn cells(&mut self, count: usize) -> Vec<Cell> {
        let mut cells = self.rows.pop().unwrap_or_default();
        self.texts.truncate(TEXTS);
        // from the last one on, so that texts are taken again in the order of the columns that they are from
        for cell in cells.drain(..).rev() {
            if let Cell::Text(mut text) = cell {
                text.clear();
                self.texts.push(text);
            }
        }
        cells.resize(count, Cell::Null);
        cells
    }

    /// A text, empty.
    pub(super) fn text(&mut self) -> String {
        self.texts.pop().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_not_seen_again() {
        let mut room = Room::default();
        room.fill(vec![vec![Cell::Integer(1), Cell::Text("first".into()), Cell::Text("second".into())]]);
        assert_eq!(room.cells(4), vec![Cell::Null; 4]);
        assert!(room.is_empty());
        let (first, second) = (room.text(), room.text());
        assert!(first.is_empty() && second.is_empty());
        assert!(first.capacity() >= 5 && second.capacity() >= 6);
        assert_eq!(room.cells(1), [Cell::Null]);
    }
}
