//! What an audit is asked to do.

use super::AuditError;
use super::finding::{Finding, Severity};
use super::rules::{RULES, Rule};
use crate::patterns::fits;
use crate::suggest::nearest;

/// Which rules look, and what is passed over.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only these rules, by name, those that are off by default among them; all that are on where it is empty.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
    /// The least severity that fails the audit.
    pub fail_on: Severity,
    /// What is known and accepted.
    pub ignore: Vec<Ignore>,
}

/// Findings that are known and accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignore {
    /// The rule's name; `*` for every rule.
    pub rule: String,
    /// The subject: `table`, `schema.table`, `table.column`, an index's or constraint's name; `*` and `?` are wild.
    /// Several columns are written with commas, all of them: `table.one,other`.
    pub subject: String,
    /// Why it is accepted.
    pub reason: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { only: Vec::new(), skip: Vec::new(), fail_on: Severity::Warning, ignore: Vec::new() }
    }
}

impl Options {
    /// The rules that look.
    ///
    /// # Errors
    /// [`AuditError::Usage`] where a name is no rule's, or no rule is left.
    pub fn rules(&self) -> Result<Vec<&'static Rule>, AuditError> {
        let ignored = self.ignore.iter().map(|ignore| &ignore.rule).filter(|rule| *rule != "*");
        for name in self.only.iter().chain(&self.skip).chain(ignored) {
            if let Some((message, hint)) = no_such_rule(name) {
                return Err(AuditError::Usage { message, hint });
            }
        }
        let named = |names: &[String], rule: &Rule| names.iter().any(|name| name == rule.name);
        let looks = |rule: &&Rule| {
            let chosen = if self.only.is_empty() { rule.on } else { named(&self.only, rule) };
            chosen && !named(&self.skip, rule)
        };
        let rules: Vec<_> = RULES.iter().filter(looks).collect();
        if rules.is_empty() && !RULES.is_empty() {
            return Err(AuditError::Usage {
                message: "no rule is left to look".to_owned(),
                hint: "every rule that was chosen (`only`) is left out again (`skip`)".to_owned(),
            });
        }
        Ok(rules)
    }

    /// Whether an ignore that matches nothing is worth a word: not where its rule did not look.
    pub(super) fn looked_for(&self, ignore: &Ignore, rules: &[&Rule]) -> bool {
        match ignore.rule.as_str() {
            "*" => self.only.is_empty() && self.skip.is_empty(),
            name => rules.iter().any(|rule| rule.name == name),
        }
    }
}

/// What is wrong with the name of a rule that there is none of, and the next step; `None` where there is one.
#[must_use]
pub fn no_such_rule(name: &str) -> Option<(String, String)> {
    if RULES.iter().any(|rule| rule.name == name) {
        return None;
    }
    let hint = match nearest(name, RULES.iter().map(|rule| rule.name)) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "`liftlock audit --list-rules` shows those that there are".to_owned(),
    };
    Some((format!("there is no rule `{name}`"), hint))
}

impl Ignore {
    /// Whether it is about this finding.
    #[must_use]
    pub fn covers(&self, finding: &Finding) -> bool {
        if self.rule != "*" && self.rule != finding.rule {
            return false;
        }
        let subject = &finding.subject;
        let mut names = Vec::new();
        if !subject.table.is_empty() {
            names.push(subject.table.clone());
            if !subject.columns.is_empty() {
                names.push(format!("{}.{}", subject.table, subject.columns.join(",")));
            }
        }
        names.extend(subject.object.clone());
        if !subject.schema.is_empty() && !names.is_empty() {
            let full: Vec<String> = names.iter().map(|name| format!("{}.{name}", subject.schema)).collect();
            names.extend(full);
        }
        // what concerns a whole database has no other name
        if names.is_empty() {
            names.push(subject.schema.clone());
        }
        let pattern = self.subject.split(',').map(str::trim).collect::<Vec<_>>().join(",");
        names.iter().any(|name| fits(&pattern, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::finding::{Remedy, Subject};

    fn finding(schema: &str, table: &str, columns: &[&str], object: Option<&str>) -> Finding {
        Finding {
            rule: "some-rule",
            severity: Severity::Warning,
            subject: Subject {
                schema: schema.to_owned(),
                table: table.to_owned(),
                columns: columns.iter().map(|&column| column.to_owned()).collect(),
                object: object.map(str::to_owned),
            },
            message: String::new(),
            explanation: String::new(),
            remedy: Remedy::None(String::new()),
        }
    }

    #[test]
    fn an_ignore_covers_what_its_subject_says_and_no_more() {
        let one = finding("public", "orders", &["customer_id"], Some("orders_customer_id_fkey"));
        let two = finding("public", "orders", &["tenant_id", "customer_id"], None);
        let table = finding("audit", "log", &[], None);
        let whole = finding("", "", &[], None);
        for (rule, subject, expected) in [
            ("some-rule", "orders", [true, true, false, false]),
            ("*", "orders", [true, true, false, false]),
            ("other-rule", "orders", [false, false, false, false]),
            ("some-rule", "ORDERS", [true, true, false, false]),
            ("some-rule", "orders.customer_id", [true, false, false, false]),
            ("some-rule", "public.orders.customer_id", [true, false, false, false]),
            ("some-rule", "orders.tenant_id,customer_id", [false, true, false, false]),
            ("some-rule", "orders.tenant_id, customer_id", [false, true, false, false]),
            ("some-rule", "orders_customer_id_fkey", [true, false, false, false]),
            ("some-rule", "public.orders_customer_id_fkey", [true, false, false, false]),
            ("some-rule", "orders.*", [true, true, false, false]),
            ("some-rule", "audit.*", [false, false, true, false]),
            ("some-rule", "lo?", [false, false, true, false]),
            ("some-rule", "order", [false, false, false, false]),
            ("some-rule", "customer_id", [false, false, false, false]),
            ("*", "*", [true, true, true, true]),
        ] {
            let ignore = Ignore { rule: rule.to_owned(), subject: subject.to_owned(), reason: "known".to_owned() };
            let covered = [&one, &two, &table, &whole].map(|finding| ignore.covers(finding));
            assert_eq!(covered, expected, "{rule} {subject}");
        }
    }
}
