//! Several parts sent as one message, and the way back from a place in it to a place in the script.

/// A message under construction.
#[derive(Debug, Default)]
pub(super) struct Message {
    text: String,
    /// Start in the message, length, start in the script.
    scripts: Vec<(usize, usize, usize)>,
}

impl Message {
    /// Adds a statement of ours.
    pub fn ours(&mut self, sql: &str) {
        self.text.push_str(sql);
        self.text.push_str(";\n");
    }

    /// Adds text of the script, which stands at `offset` in it.
    pub fn script(&mut self, text: &str, offset: usize) {
        self.scripts.push((self.text.len(), text.len(), offset));
        self.text.push_str(text);
        // on a line of its own: the script may end in a comment
        self.text.push_str("\n;\n");
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether anything of the script is in it.
    pub fn has_script(&self) -> bool {
        !self.scripts.is_empty()
    }

    /// The place in the script of a place in the message, if it is the script's.
    pub fn script_offset(&self, position: usize) -> Option<usize> {
        let (start, _, offset) =
            self.scripts.iter().find(|(start, length, _)| (*start..=start + length).contains(&position))?;
        Some(offset + position - start)
    }
}
