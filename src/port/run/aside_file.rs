//! The file of the rows that were put aside: a JSON object a line, in a file that no other port has written.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

use crate::port::copy::Quarantined;
use crate::port::report::Report;

/// The lines, which make their file with the first of them.
#[derive(Debug)]
pub(super) struct Lines {
    wanted: Option<PathBuf>,
    /// This run has written it before, and writes it anew.
    own: Option<PathBuf>,
    /// The run goes on with one that may have written a file, too: the hashes of all lines tell whether it is that one's.
    hashes: Option<HashSet<u128>>,
    file: Option<(PathBuf, BufWriter<File>)>,
    failed: Option<io::Error>,
}

impl Lines {
    /// For the run of `report`, in a file called `wanted`, or nearly so where there is one already.
    pub fn new(wanted: Option<&Path>, report: &Report) -> Self {
        Self {
            wanted: wanted.map(Path::to_path_buf),
            own: report.quarantine_file.clone(),
            hashes: report.resumed.then(HashSet::new),
            file: None,
            failed: None,
        }
    }

    /// One more row.
    pub fn write(&mut self, row: &Quarantined) {
        let Some(wanted) = self.wanted.clone().filter(|_| self.failed.is_none()) else { return };
        let mut write = || {
            let (_, file) = match &mut self.file {
                Some(file) => file,
                none => {
                    let (path, file) = match &self.own {
                        Some(own) => (own.clone(), File::create(own)?),
                        None => make_free(&wanted)?,
                    };
                    none.insert((path, BufWriter::new(file)))
                }
            };
            let mut line = serde_json::to_vec(row)?;
            if let Some(hashes) = &mut self.hashes {
                hashes.insert(xxh3_128(&line));
            }
            line.push(b'\n');
            file.write_all(&line)
        };
        self.failed = write().err();
    }

    /// The file, where there is one now; else the path that could not be written.
    pub fn end(self) -> Result<Option<PathBuf>, (PathBuf, io::Error)> {
        let Some(wanted) = self.wanted else { return Ok(None) };
        let (path, file) = match (self.failed, self.file) {
            (Some(error), file) => return Err((file.map_or(wanted, |(path, _)| path), error)),
            (None, None) => return Ok(None),
            (None, Some(file)) => file,
        };
        let ended = file.into_inner().map_err(io::IntoInnerError::into_error);
        let place = ended.and_then(|file| {
            drop(file);
            match &self.hashes {
                Some(hashes) if self.own.is_none() => in_place_of_earlier(&wanted, &path, hashes),
                _ => Ok(path.clone()),
            }
        });
        place.map(Some).map_err(|error| (path, error))
    }
}

/// `name.jsonl`, `name-2.jsonl`, `name-3.jsonl`, …
fn names(wanted: &Path) -> impl Iterator<Item = PathBuf> {
    let stem = wanted.file_stem().unwrap_or_default().to_os_string();
    let extension = wanted.extension().map(ToOwned::to_owned);
    std::iter::once(wanted.to_path_buf()).chain((2u64..).map(move |number| {
        let mut name = stem.clone();
        name.push(format!("-{number}"));
        if let Some(extension) = &extension {
            name.push(".");
            name.push(extension);
        }
        wanted.with_file_name(name)
    }))
}

/// Makes the file under the first of the names that is free: what another port has written stays.
fn make_free(wanted: &Path) -> io::Result<(PathBuf, File)> {
    for path in names(wanted) {
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // a pipe, a device, or a file that was made to be filled
                let holds_nothing = |there: &fs::Metadata| !there.is_dir() && (!there.is_file() || there.len() == 0);
                if fs::metadata(&path).is_ok_and(|there| holds_nothing(&there)) {
                    let file = File::create(&path)?;
                    return Ok((path, file));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Puts the file in the place of the one that the run wrote before it was gone on with: a file of whose lines none is
/// lost.
fn in_place_of_earlier(wanted: &Path, path: &Path, hashes: &HashSet<u128>) -> io::Result<PathBuf> {
    for earlier in names(wanted).take_while(|name| name != path) {
        if is_within(&earlier, hashes) {
            fs::rename(path, &earlier)?;
            return Ok(earlier);
        }
    }
    Ok(path.to_path_buf())
}

/// Whether a file has lines, and each is one of those.
fn is_within(path: &Path, hashes: &HashSet<u128>) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut lines = BufReader::new(file).split(b'\n').peekable();
    lines.peek().is_some() && lines.all(|line| line.is_ok_and(|line| hashes.contains(&xxh3_128(&line))))
}
