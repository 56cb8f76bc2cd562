//! What flags and liftlock.yaml ask of an audit.

use super::{AuditArgs, FailOn};
use crate::Error;
use crate::audit::options::no_such_rule;
use crate::audit::{Ignore, Options, Severity};
use crate::config::{AuditFailOn, AuditRule, AuditSettings};

/// Flags beat the file: `--only` takes the place of its `only` and `skip`; `--skip` is added to its `skip`.
pub(super) fn options(args: &AuditArgs, configured: &AuditSettings) -> Result<Options, Error> {
    let ignored = configured.ignore.iter().map(|ignore| &ignore.rule).filter(|rule| rule.name != "*");
    for rule in configured.only.iter().chain(&configured.skip).chain(ignored) {
        if let Some((_, hint)) = no_such_rule(&rule.name) {
            return Err(rule.unknown(hint).into());
        }
    }
    let names = |rules: &[AuditRule]| rules.iter().map(|rule| rule.name.clone()).collect::<Vec<_>>();
    let trimmed = |names: &[String]| names.iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>();
    let (only, mut skip) = if args.only.is_empty() {
        (names(&configured.only), names(&configured.skip))
    } else {
        (trimmed(&args.only), Vec::new())
    };
    skip.extend(trimmed(&args.skip));
    let fail_on = match (args.fail_on, configured.fail_on) {
        (Some(FailOn::Error), _) | (None, Some(AuditFailOn::Error)) => Severity::Error,
        (Some(FailOn::Warn), _) | (None, _) => Severity::Warning,
    };
    let ignore = configured.ignore.iter().map(|ignore| Ignore {
        rule: ignore.rule.name.clone(),
        subject: ignore.subject.clone(),
        reason: ignore.reason.clone(),
    });
    Ok(Options { only, skip, fail_on, ignore: ignore.collect() })
}
