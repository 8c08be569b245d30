//! The kernel of this node: what version it has, and what it lacks.

use crate::files::read_small;
use crate::pidfd;

/// Does it give pidfds, to this process? Not before Linux 5.3, and not through a filter that is older than that call.
#[must_use]
pub fn supports_pidfds() -> bool {
    pidfd::are_supported()
}

/// Its release, as uname(2) has it.
#[must_use]
pub fn release() -> String {
    let release = read_small("/proc/sys/kernel/osrelease").unwrap_or_default();
    String::from_utf8_lossy(&release).trim().to_owned()
}
