//! Whether the kernel reports a process's death at once.

use super::check_result::{Area, CheckResult};

pub(super) fn check() -> CheckResult {
    const CHECK: &str = "pidfd_open";
    match pico::actions::missing_kernel_feature() {
        Some(seen) => {
            let todo = "use Linux 5.3 or later, or allow it in the container's seccomp filter; or accept the delay";
            CheckResult::warning(Area::Kernel, CHECK, seen, todo)
        }
        None => CheckResult::ok(
            Area::Kernel,
            CHECK,
            format!("Linux {}: a death is noticed at once", host::kernel::release()),
        ),
    }
}
