//! A file → its shape, in a stream: a JSON document of any size is not held.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;

use super::shape::Shape;
use crate::import::ImportError;
use crate::import::mapping::{Format, Source};
use crate::import::read::cursor::{Broken, Cursor};
use crate::import::read::{self, SourceFile, strict};

/// From here on values are read whole.
const STREAMED: usize = 4;

/// What a file turned out to be.
pub(super) struct Outline {
    pub format: Format,
    pub shape: Shape,
    /// Why it can't be read as what it is called, with its place; its shape is of what came before.
    pub broken: Option<String>,
}

/// Looks into a file. `None` if it is neither of a known format nor text.
pub(super) fn of(file: &SourceFile) -> Result<Option<Outline>, ImportError> {
    let start = start(file)?;
    let named = Format::of_name(&file.path);
    let (objects, lines) = (matches!(start.trim_ascii_start().first(), Some(b'{' | b'[')), is_lines(&start));
    match named {
        Some(Format::Json) => {
            let outline = json(file)?;
            if outline.broken.is_some() && lines {
                let lines = by_records(file, Format::Jsonl)?;
                if lines.broken.is_none() {
                    return Ok(Some(lines));
                }
            }
            Ok(Some(outline))
        }
        // its tables are another mapping's matter, or a port's
        Some(Format::Sqlite) if start.starts_with(b"SQLite format 3\0") => Ok(None),
        Some(format) if format != Format::Sqlite => Ok(Some(by_records(file, format)?)),
        _ => {
            if objects {
                let outline = if lines { by_records(file, Format::Jsonl)? } else { json(file)? };
                if outline.broken.is_none() {
                    return Ok(Some(outline));
                }
            }
            let text = by_records(file, Format::Text)?;
            Ok(text.broken.is_none().then_some(text))
        }
    }
}

/// The shape of a file that is taken as text; of no value if it is none.
pub(super) fn text(file: &SourceFile) -> Result<Shape, ImportError> {
    by_records(file, Format::Text).map(|outline| outline.shape)
}

fn start(file: &SourceFile) -> Result<Vec<u8>, ImportError> {
    let unreadable = |source| ImportError::Read { path: file.at.clone(), source };
    let mut start = Vec::new();
    File::open(&file.at).map_err(unreadable)?.take(65536).read_to_end(&mut start).map_err(unreadable)?;
    Ok(start.strip_prefix(b"\xEF\xBB\xBF").map(<[u8]>::to_vec).unwrap_or(start))
}

/// Whether the first line is a value of its own, and more follows.
fn is_lines(start: &[u8]) -> bool {
    let mut lines = start.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let first =
        lines.next().is_some_and(|line| line.trim_ascii_start().starts_with(b"{") && strict::value(line).is_ok());
    first && lines.next().is_some()
}

fn by_records(file: &SourceFile, format: Format) -> Result<Outline, ImportError> {
    let source = Source { format, ..Source::default() };
    let mut outline = Outline { format, shape: Shape::default(), broken: None };
    read::records(file, &source, &mut |record| {
        match record {
            Ok(record) => outline.shape.add(&record.value),
            Err(bad) => {
                let place = bad.place.map(|(line, column)| format!("{line}:{column}: ")).unwrap_or_default();
                outline.broken.get_or_insert(format!("{place}{}", bad.reason));
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(outline)
}

fn json(file: &SourceFile) -> Result<Outline, ImportError> {
    let source = File::open(&file.at).map_err(|source| ImportError::Read { path: file.at.clone(), source })?;
    let mut cursor = Cursor::new(source);
    let mut shape = Shape::default();
    let walked = cursor.begin().and_then(|()| value(&mut cursor, &mut shape, 0)).and_then(|()| match cursor.peek() {
        Some(_) => Err(cursor.broken("more follows after the document's end")),
        None => Ok(()),
    });
    let broken = walked.err().map(|Broken { place: (line, column), reason, .. }| format!("{line}:{column}: {reason}"));
    Ok(Outline { format: Format::Json, shape, broken })
}

fn value<R: Read>(cursor: &mut Cursor<R>, shape: &mut Shape, depth: usize) -> Result<(), Broken> {
    match cursor.peek() {
        Some(b'{') if depth < STREAMED => {
            shape.count += 1;
            shape.objects += 1;
            cursor.expect(b'{', "`{`")?;
            let mut seen = HashSet::new();
            let mut more = !cursor.take(b'}');
            while more {
                cursor.peek();
                let place = cursor.place();
                let raw = cursor.value()?;
                let broken = |reason| Broken { place, reason, raw: Vec::new() };
                let key = strict::string(&raw).map_err(broken)?;
                if !seen.insert(xxhash_rust::xxh3::xxh3_128(key.as_bytes())) {
                    return Err(broken(format!("the key `{key}` stands twice in one object")));
                }
                cursor.expect(b':', "`:`")?;
                value(cursor, shape.keys.entry(&key), depth + 1)?;
                more = !cursor.take(b'}');
                if more {
                    cursor.expect(b',', "`,` or `}`")?;
                }
            }
            Ok(())
        }
        Some(b'[') if depth < STREAMED => {
            shape.count += 1;
            shape.arrays += 1;
            cursor.expect(b'[', "`[`")?;
            let mut more = !cursor.take(b']');
            while more {
                value(cursor, shape.items.get_or_insert_default(), depth + 1)?;
                more = !cursor.take(b']');
                if more {
                    cursor.expect(b',', "`,` or `]`")?;
                }
            }
            Ok(())
        }
        _ => {
            let place = cursor.place();
            let raw = cursor.value()?;
            let value =
                strict::value(&raw).map_err(|invalid| Broken { place, reason: invalid.reason, raw: Vec::new() })?;
            shape.add(&value);
            Ok(())
        }
    }
}
