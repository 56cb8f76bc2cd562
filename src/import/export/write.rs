//! A file of the tree: its records put together, whole or not at all.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Seek as _, Write};
use std::path::Path;

use serde_json::{Map, Value};

use super::gone::Gone;
use super::stream::{self, To};
use super::{Books, Work};
use crate::import::books::{self, FileBook};
use crate::import::mapping::{Format, Step};
use crate::import::yaml::of_json;
use crate::import::{ImportError, read};

impl Work<'_> {
    /// Writes a file; false where nothing of it is left.
    pub(super) fn file(&mut self, path: &str, books: &Books) -> Result<bool, ImportError> {
        let at = self.export.dir.join(path);
        let failed = |source| ImportError::Write { path: at.clone(), source };
        if self.export.dry_run {
            return self.contents(path, books, &mut io::sink(), &failed);
        }
        let folder = at.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".liftlock-");
        // as any other new file: the user's own mask decides who may read it
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder).map_err(failed)?;
        let mut out = BufWriter::new(file.as_file_mut());
        let streams = self.streams(books);
        if !streams || !self.stream(path, books, &mut out, &failed)? {
            if streams {
                out.rewind().and_then(|()| out.get_ref().set_len(0)).map_err(failed)?;
            }
            if !self.contents(path, books, &mut out, &failed)? {
                return Ok(false);
            }
        }
        out.flush().map_err(failed)?;
        drop(out);
        file.persist(&at).map_err(|error| failed(error.error))?;
        Ok(true)
    }

    /// Whether a file is a document that may have any number of records, all of one source: what another took of it is in
    /// what the first has around its own.
    fn streams(&self, books: &Books) -> bool {
        let [(source, _)] = books else { return false };
        let mapping = &self.export.mapping.sources[*source];
        mapping.format == Format::Json && mapping.records.is_many()
    }

    /// Writes such a document as its records are read. False where one of them has no place where it comes; nothing is
    /// told or counted then.
    fn stream(
        &mut self,
        path: &str,
        books: &Books,
        out: &mut dyn Write,
        failed: &dyn Fn(io::Error) -> ImportError,
    ) -> Result<bool, ImportError> {
        let [(source, book)] = books else { return Ok(false) };
        let records = &self.export.mapping.sources[*source].records;
        let mut around = self.envelope(book)?;
        // of a file that is not in to its end, or ends too soon, nothing is known but its records
        let is_whole = book.state.is_in() && book.done == 0;
        if around.is_null() && records.0 == [Step::Items] && !is_whole {
            around = Value::Array(Vec::new());
        }
        let told = self.exported.lost.len();
        let mut read = self.records(path, *source, book);
        let written = stream::write(around, records, &mut || read.next(self), To { out, failed })?;
        match written {
            Some(written) => self.exported.records += written,
            None => {
                self.exported.lost.truncate(told);
                // its items are used up
                self.ahead.remove(&book.id);
            }
        }
        Ok(written.is_some())
    }

    fn contents(
        &mut self,
        path: &str,
        books: &Books,
        out: &mut dyn Write,
        failed: &dyn Fn(io::Error) -> ImportError,
    ) -> Result<bool, ImportError> {
        let Some((source, book)) = books.first() else { return Ok(false) };
        let mapping = &self.export.mapping.sources[*source];
        match mapping.format {
            Format::Jsonl => {
                self.each(path, *source, book, &mut |_, _, value| match value {
                    Some(value) => writeln!(out, "{value}").map_err(failed).map(|()| true),
                    None => Ok(false),
                })?;
            }
            Format::Csv => {
                let header = self.envelope(book)?;
                let names: Vec<String> = header
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|name| name.as_str().map(str::to_owned))
                    .collect();
                if names.is_empty() {
                    return Ok(true);
                }
                let mut csv = csv::WriterBuilder::new().from_writer(out);
                let io = |error: csv::Error| failed(io::Error::other(error));
                csv.write_record(&names).map_err(io)?;
                self.each(path, *source, book, &mut |_, _, value| {
                    let Some(value) = value else { return Ok(false) };
                    let field = |name: &String| match value.get(name) {
                        None | Some(Value::Null) => String::new(),
                        Some(Value::String(text)) => text.clone(),
                        Some(other) => other.to_string(),
                    };
                    csv.write_record(names.iter().map(field)).map_err(io).map(|()| true)
                })?;
                csv.flush().map_err(failed)?;
            }
            Format::Markdown | Format::Text => {
                let mut text = None;
                let head = self.envelope(book)?;
                self.each(path, *source, book, &mut |_, _, value| {
                    let Some(value) = value else { return Ok(false) };
                    text = match (mapping.format, &value) {
                        (Format::Markdown, Value::Object(map)) => read::compose(map, head.as_str(), &front_matter),
                        (_, value) => value.get("text").and_then(Value::as_str).map(str::to_owned),
                    };
                    Ok(text.is_some())
                })?;
                match text {
                    Some(text) => out.write_all(text.as_bytes()).map_err(failed)?,
                    None => {
                        self.exported.lost.push(format!("`{path}`: its text is gone, and it is not written"));
                        return Ok(false);
                    }
                }
            }
            Format::Json | Format::Yaml | Format::Sqlite => {
                let documents = self.documents(path, books)?;
                if documents.is_empty() {
                    self.exported.lost.push(format!("`{path}`: its document is gone, and it is not written"));
                    return Ok(false);
                }
                let several = documents.len() > 1;
                for document in documents {
                    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
                    let text = if mapping.format == Format::Yaml { of_json(&text) } else { text.into() };
                    let mark = if several { "---\n" } else { "" };
                    writeln!(out, "{mark}{text}").map_err(failed)?;
                }
            }
        }
        Ok(true)
    }

    /// What a file's document is without its records.
    fn envelope(&mut self, book: &FileBook) -> Result<Value, ImportError> {
        match self.ahead.get(&book.id) {
            Some((envelope, _)) => Ok(envelope.clone()),
            None => books::envelope(self.store, book.id),
        }
    }

    /// The documents of a file: what was no record, and each source's records put into it. None where the document was the
    /// record, and is gone.
    pub(super) fn documents(&mut self, path: &str, books: &Books) -> Result<Vec<Value>, ImportError> {
        let mut document = Value::Null;
        let mut problems = Vec::new();
        let mut several = Vec::new();
        let mut left = false;
        let (mut gone, mut written) = (Gone::default(), BTreeSet::new());
        for (nth, (source, book)) in books.iter().enumerate() {
            let records = &self.export.mapping.sources[*source].records;
            let envelope = self.envelope(book)?;
            let sequence = records.is_document() && envelope.is_array();
            if nth == 0 {
                document = envelope;
            }
            left |= !records.is_document();
            self.each(path, *source, book, &mut |pointer, position, value| {
                let Some(value) = value else {
                    // those behind it find their places only while it has its own
                    if !records.is_document() && document.pointer(pointer).is_none() {
                        drop(read::put(&mut document, pointer, Value::Null));
                    }
                    gone.add(pointer, records);
                    return Ok(false);
                };
                left = true;
                #[cfg(test)]
                super::held::note(position as usize + 1);
                if sequence {
                    several.push(value);
                } else if let Err(reason) = read::put(&mut document, pointer, value) {
                    problems.push(format!("`{path}`: record {position}: {reason}"));
                    return Ok(false);
                } else if books.len() > 1 {
                    // another source may miss it where this one does not
                    written.insert(pointer.to_owned());
                }
                Ok(true)
            })?;
        }
        gone.take_out(&written, &mut document);
        self.exported.lost.append(&mut problems);
        Ok(match several.is_empty() {
            true if left => vec![document],
            true => Vec::new(),
            false => several,
        })
    }
}

/// Front matter, a line a key; JSON is YAML.
fn front_matter(map: &Map<String, Value>) -> String {
    map.iter()
        .map(|(key, value)| format!("{}: {value}\n", Value::from(key.as_str())))
        .map(|line| of_json(&line).into_owned())
        .collect()
}
