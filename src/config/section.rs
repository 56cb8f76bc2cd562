//! Reading a section of liftlock.yaml: its values with their variables replaced, or passed over where only what does not
//! depend on the environment is checked.

use super::file::ConfigFile;
use super::value::{Place, Text, parse_text};
use super::{ConfigError, Environment, Problem};

/// Reads the values of a section.
pub(super) struct Reader<'a> {
    pub file: &'a ConfigFile,
    pub environment: &'a Environment,
    /// A value with variables is passed over.
    pub only_fixed: bool,
}

impl Reader<'_> {
    /// A value; `None` where there is none, or it is passed over.
    pub fn value<T>(
        &self,
        text: Option<&Text>,
        read: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = text else { return Ok(None) };
        if self.only_fixed && text.has_variables() == Ok(true) {
            return Ok(None);
        }
        self.file.value(text, self.environment, read).map(Some)
    }

    /// A list of texts.
    pub fn list(&self, texts: Option<&[Text]>) -> Result<Vec<String>, ConfigError> {
        let values = texts.unwrap_or_default().iter().map(|text| self.value(Some(text), parse_text));
        values.filter_map(Result::transpose).collect()
    }

    /// What is wrong with the shape of what stands at `place`.
    pub fn wrong(&self, place: Place, what: &str) -> ConfigError {
        Problem::Shape(what.to_owned()).at(&self.file.origin(place))
    }
}
