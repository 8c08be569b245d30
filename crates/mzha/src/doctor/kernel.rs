//! The kernel of this node, which tells of a death at once or does not.

use super::check_result::{Area, CheckResult};

/// What it can do for the monitor of depth 0.
pub(super) fn check() -> CheckResult {
    const CHECK: &str = "pidfd_open";
    match pico::actions::missing_kernel_feature() {
        Some(seen) => {
            let todo = "nothing, if that is soon enough; else a kernel of Linux 5.3 or later, or a container's filter that lets it pass";
            CheckResult::warning(Area::Kernel, CHECK, seen, todo)
        }
        None => CheckResult::ok(
            Area::Kernel,
            CHECK,
            format!("Linux {}: a death is noticed at once", host::kernel::release()),
        ),
    }
}
