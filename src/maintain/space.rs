//! The room that a file system has left.

use std::path::Path;

/// Bytes of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Space {
    /// Free, for one who is not root.
    pub free: u64,
    /// All there are.
    pub total: u64,
}

/// The room of the file system that holds `path`'s folder; `None` where the system does not say.
pub(super) fn beside(path: &Path) -> Option<Space> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = rustix::fs::statvfs(folder).inspect_err(|error| tracing::debug!(%error, "statvfs")).ok()?;
    // https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/sys_statvfs.h.html
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Space { free: bytes(found.f_bavail), total: bytes(found.f_blocks) })
}
