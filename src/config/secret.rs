//! Secrets: values that can be used and never print, and their removal from any text.

use std::fmt;

/// A password or a key. `Debug` and `Display` print `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, to be handed to a driver and to nothing that prints.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// `text` with every occurrence of the secrets replaced by `***`: as they are, percent-encoded as in a URL, and
/// escaped as `Debug` output has them. For error chains and log lines that a driver wrote.
#[must_use]
pub fn redact<'a>(text: &str, secrets: impl IntoIterator<Item = &'a Secret>) -> String {
    let mut forms: Vec<String> = Vec::new();
    for secret in secrets {
        let value = secret.expose();
        let encoded = percent_encode(value, |_| false);
        forms.extend([value.to_owned(), value.escape_debug().to_string(), encoded.to_lowercase(), encoded]);
    }
    forms.retain(|form| !form.is_empty());
    // the longest first, so that a secret that is part of another one leaves no remainder of it
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(form) = forms.iter().find(|form| rest.starts_with(form.as_str())) {
            out.push_str("***");
            rest = &rest[form.len()..];
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    out
}

/// `text` percent-encoded, but for RFC 3986's unreserved characters and those that `keep` names.
pub(super) fn percent_encode(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || "-._~".contains(character) || keep(character) {
            out.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn redaction_finds_every_form_of_a_secret() {
        let secrets = [Secret::new("p@ss\"w/rd"), Secret::new("p@ss"), Secret::new("")];
        let text = r#"a p@ss"w/rd, p%40ss%22w%2Frd, p%40ss%22w%2frd, "p@ss\"w/rd", p@ss; ä"#;
        assert_eq!(redact(text, &secrets), r#"a ***, ***, ***, "***", ***; ä"#);
        assert_eq!(redact("nothing", []), "nothing");
    }
}
