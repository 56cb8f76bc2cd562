//! Which tables and views a port is about: names against patterns.

use super::options::Options;

impl Options {
    /// Whether the table or view of that name is to be ported.
    #[must_use]
    pub fn includes(&self, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| crate::patterns::fits(pattern, name));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_excluded_is_not_included() {
        let some = |patterns: &[&str]| patterns.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>();
        let all = Options::default();
        assert!(all.includes("anything"));
        let options = Options { include: some(&["user*", "orders"]), exclude: some(&["*_old"]), ..Options::default() };
        assert!(options.includes("Users") && options.includes("orders"));
        assert!(!options.includes("users_old") && !options.includes("products"));
    }
}
