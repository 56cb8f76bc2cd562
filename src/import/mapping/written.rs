//! A mapping's text, kept so that what is found later is shown where it stands.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fields::Fault;
use crate::import::ImportError;

/// The text that a mapping was read from, and its file. Two mappings that say the same are equal, whatever their texts.
#[derive(Clone, Default)]
pub struct Written(Option<Arc<(PathBuf, String)>>);

impl Written {
    pub(super) fn new(file: &Path, text: &str) -> Self {
        Self(Some(Arc::new((file.to_owned(), text.to_owned()))))
    }

    /// The error, with the place in the mapping that it is about: line and column from 1. One that is not about the mapping
    /// stays as it is.
    pub(in crate::import) fn at(&self, place: (u32, u32), error: ImportError) -> ImportError {
        match (error, self.0.as_deref()) {
            (ImportError::Mapping { message, hint }, Some((file, text))) if place.0 > 0 => {
                let fault = Fault::at_place(place, message);
                let fault = hint.into_iter().fold(fault, |fault, hint| fault.hint(hint));
                fault.shown(file, text)
            }
            (error, _) => error,
        }
    }
}

impl PartialEq for Written {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Written").field(&self.0.as_ref().map(|written| &written.0)).finish()
    }
}
