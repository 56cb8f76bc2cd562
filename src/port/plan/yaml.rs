//! The plan as a document that a person can read and edit.

use serde_saphyr::{DefaultMessageFormatter, Error as YamlError, MessageFormatter};

use super::Plan;

/// A document that is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanFileError {
    /// Something in it is not as a plan has it.
    #[error("line {line}, column {column}: {message}")]
    Shape {
        /// From 1; 0 where the document as a whole is meant.
        line: u64,
        /// From 1.
        column: u64,
        /// What is the matter.
        message: String,
    },
    /// It was written by another version.
    #[error("the plan has version {0}, and this program reads version 1")]
    Version(u32),
}

impl PlanFileError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Shape { .. } => "correct that line; `--plan-out` writes a fresh plan to compare with".to_owned(),
            Self::Version(_) => "write the plan anew with `--plan-out`, and make the changes again".to_owned(),
        })
    }
}

impl Plan {
    /// The plan as YAML.
    ///
    /// # Errors
    /// A text where the plan can't be written as YAML, which no plan of ours is.
    pub fn to_yaml(&self) -> Result<String, String> {
        serde_saphyr::to_string(self).map_err(|error| error.to_string())
    }

    /// The plan that a YAML document holds.
    ///
    /// # Errors
    /// [`PlanFileError`] with the line and column of what is wrong.
    pub fn from_yaml(document: &str) -> Result<Self, PlanFileError> {
        // a plan is as long as its database has columns: no limit of size is right for all
        let options = serde_saphyr::options! { with_snippet: false, budget: None };
        let plan: Self = serde_saphyr::from_str_with_options(document, options).map_err(|error| describe(&error))?;
        if plan.version == 1 { Ok(plan) } else { Err(PlanFileError::Version(plan.version)) }
    }
}

fn describe(error: &YamlError) -> PlanFileError {
    let location = error.location().unwrap_or(serde_saphyr::Location::UNKNOWN);
    PlanFileError::Shape {
        line: location.line(),
        column: location.column(),
        message: DefaultMessageFormatter.format_message(error.without_snippet()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_place() {
        let error =
            Plan::from_yaml("version: 1\ntarget_schema: public\ntabels: []\ntables: []\n").expect_err("refused");
        let PlanFileError::Shape { line, column, message } = error else { panic!("{error}") };
        assert_eq!((line, column), (3, 1));
        assert!(message.contains("tabels"), "{message}");
    }

    #[test]
    fn another_version_is_refused() {
        let error = Plan::from_yaml("version: 2\ntarget_schema: public\ntables: []\n").expect_err("refused");
        assert_eq!(error, PlanFileError::Version(2));
    }
}
