//! The kernel of this node, which tells of a death at once or does not.

use super::row::{Area, Row};

/// What it can do for the monitor of depth 0.
pub(super) fn row() -> Row {
    const CHECK: &str = "pidfd_open";
    match pico::actions::kernel() {
        Some(seen) => {
            let todo = "nothing, if that is soon enough; else a kernel of Linux 5.3 or later, or a container's filter that lets it pass";
            Row::warning(Area::Kernel, CHECK, seen, todo)
        }
        None => Row::ok(
            Area::Kernel,
            CHECK,
            format!("Linux {}: a death is noticed at once", host::kernel::release()),
        ),
    }
}
