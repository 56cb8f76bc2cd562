//! What the database numbers, after rows that came with numbers of their own.

use super::Work;
use crate::import::verify::{self, Sum};

impl Work<'_> {
    /// Sets the sequences forward under columns that rows came into with numbers of their own: the application's next row
    /// would get one of these. What was written stands, whatever comes of it.
    pub(super) fn forward(&mut self, sums: &[Sum]) {
        for (target, (sum, name)) in sums.iter().zip(&self.bound.targets).enumerate() {
            if sum.inserted + sum.updated == 0 && self.killed.is_empty() {
                continue;
            }
            let tables = verify::writers(self.bound, target);
            let mut columns: Vec<&str> =
                tables.iter().flat_map(|table| table.columns.iter().map(|column| column.name.as_str())).collect();
            columns.sort_unstable();
            columns.dedup();
            match self.store.forward(name, &columns) {
                Ok(told) => self.report.notes.extend(told),
                Err(error) => {
                    let what = "whether the next numbers of its columns are beyond those imported could not be seen to";
                    self.report.notes.push(format!("`{name}`: {what}: {error}; `liftlock validate` says it"));
                }
            }
        }
    }
}
