//! What is written down of a file beside its rows: how far it is in, its records' items, and the bad ones.

use serde_json::{Value, json};

use super::batch::Part;
use super::{PROBLEMS, Writer, problem, writing};
use crate::import::ImportError;
use crate::import::books::{self, FileState};
use crate::import::load::mapped::Bad;
use crate::import::load::plan::Job;
use crate::import::mapping::OnBad;
use crate::import::row;
use crate::import::store::Given;

impl Writer<'_> {
    /// Writes down what went in of a file.
    pub(super) fn write_books(&mut self, job: &mut Job, part: &mut Part) -> Result<(), ImportError> {
        let table = &self.bound.sources[job.source];
        if !part.mapped.is_empty() {
            let first = part.mapped[0].position;
            let mut items = String::from("[");
            for mapped in &mut part.mapped {
                if items.len() > 1 {
                    items.push(',');
                }
                match &mapped.what {
                    Ok(row) => match mapped.value.take() {
                        // the row that is there is another's
                        Some(value) => items.push_str(&json!({"v": value, "p": row.left.pointer}).to_string()),
                        None => row::write_item(table, row, &mut items),
                    },
                    Err(bad) => {
                        let item = self.bad(job, mapped.position, bad, mapped.value.take())?;
                        items.push_str(&item.to_string());
                    }
                }
            }
            items.push(']');
            let number = |number: u64| Given::Number(i64::try_from(number).unwrap_or(i64::MAX));
            let given =
                [Given::Number(job.book.id), number(first), number(part.mapped.len() as u64), Given::Text(&items)];
            let sql = "INSERT INTO liftlock_import_record (file, position, records, items) VALUES (?, ?, ?, ?)";
            self.store.write(sql, &given).map_err(writing)?;
            job.book.done += part.mapped.len() as u64;
        }
        let mut envelope = None;
        if let Some(read) = part.end.take() {
            job.book.state = FileState::Unproven;
            job.book.sha256 = read.sha256;
            envelope = Some(read.envelope.to_string()).filter(|_| !read.envelope.is_null());
            self.counts.files += u64::from(job.last);
        }
        books::file(self.store, self.tree, &job.file, &job.book, envelope.as_deref()).map_err(writing)
    }

    /// What becomes of a bad record: the end, or a row of the quarantine. Gives its item.
    fn bad(&mut self, job: &Job, position: u64, bad: &Bad, value: Option<Value>) -> Result<Value, ImportError> {
        let problem = problem(job, position, bad);
        let source = &self.mapping.sources[job.source];
        if source.bad == OnBad::Fail {
            let column = problem.column.as_ref().map(|column| format!("`{column}`: ")).unwrap_or_default();
            return Err(ImportError::BadRecord { place: problem.at(), reason: format!("{column}{}", problem.reason) });
        }
        let number = |number: u64| Given::Number(i64::try_from(number).unwrap_or(i64::MAX));
        let place = match bad.place {
            Some((line, column)) => format!("line {line}, column {column}"),
            None => bad.pointer.clone(),
        };
        let given = [
            Given::Number(self.next_quarantine),
            Given::Number(self.run),
            Given::Text(&source.name),
            Given::Text(&job.file.path),
            number(position),
            Given::Text(&place),
            bad.column.as_deref().map_or(Given::Null, Given::Text),
            Given::Text(&bad.reason),
            Given::Text(&bad.raw),
        ];
        let sql = "INSERT INTO liftlock_import_quarantine (id, run, source, path, position, place, target, reason, raw) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.store.write(sql, &given).map_err(writing)?;
        self.next_quarantine += 1;
        self.counts.quarantined += 1;
        if self.counts.errors.len() < PROBLEMS {
            self.counts.errors.push(problem);
        }
        Ok(match value {
            Some(value) => json!({"v": value, "p": bad.record}),
            None => json!({"lost": bad.raw, "p": bad.record}),
        })
    }
}
