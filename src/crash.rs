//! Where tests kill the process: compiled in only with the feature `crash-tests`.

/// The variable that names the point at which to die: `name`, or `name#3` for the third time it is passed.
#[cfg(feature = "crash-tests")]
const VARIABLE: &str = "LIFTLOCK_CRASH_AT";

/// Whether a point is named, so that what is sent in one message is sent in parts, with the points between.
#[cfg(feature = "crash-tests")]
pub(crate) fn armed() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Dies here as by `kill -9`, if this is the point that was named.
#[cfg(feature = "crash-tests")]
pub(crate) fn point(name: &str) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static PASSED: AtomicUsize = AtomicUsize::new(0);
    let Ok(wanted) = std::env::var(VARIABLE) else { return };
    let (wanted, time) = wanted.split_once('#').unwrap_or((&wanted, "1"));
    if wanted != name || (PASSED.fetch_add(1, Ordering::SeqCst) + 1).to_string() != time {
        return;
    }
    let killed = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
    panic!("the process outlived its SIGKILL: {killed:?}");
}

#[cfg(not(feature = "crash-tests"))]
pub(crate) fn armed() -> bool {
    false
}

#[cfg(not(feature = "crash-tests"))]
pub(crate) fn point(_name: &str) {}
