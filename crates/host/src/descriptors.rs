//! Shortage of file descriptors.

use rustix::fd::{AsRawFd, BorrowedFd};
use rustix::process::{Resource, getrlimit};

/// The number that an action needs for /proc, a worker or a command.
const RESERVED_DESCRIPTORS: u64 = 12;

const EMFILE_TEXT: &str = "Too many open files (os error 24)";

const TOO_LARGE: &str = "File too large (os error 27)";

/// Whether too few are left to keep this one. The kernel gives the lowest free number, so all below are in use.
#[must_use]
pub fn is_in_reserve(descriptor: BorrowedFd<'_>) -> bool {
    let number = u64::try_from(descriptor.as_raw_fd()).unwrap_or_default();
    getrlimit(Resource::Nofile).current.is_some_and(|limit| number + RESERVED_DESCRIPTORS >= limit)
}

/// For a child made by fork: closes whatever it has of its parent but stdin, stdout, stderr and `kept`.
pub(crate) fn close_all_but(kept: BorrowedFd<'_>) {
    let kept = u32::try_from(kept.as_raw_fd()).unwrap_or_default();
    let ranges = [(3, kept.saturating_sub(1)), (kept.max(2) + 1, u32::MAX)];
    for (first, last) in ranges.into_iter().filter(|(first, last)| first <= last) {
        // By number: glibc has the function only since 2.34, and the agents are to run on older ones.
        // SAFETY: what owns these descriptors is in the memory that the child has of its parent, and is neither used nor dropped there.
        #[expect(unsafe_code, reason = "close_range(2) has no wrapper in nix or rustix")]
        let closed = unsafe { nix::libc::syscall(nix::libc::SYS_close_range, first, last, 0) };
        if closed != 0 {
            close_one_by_one(first, last);
        }
    }
}

/// For kernels before 5.9, which don't know the call.
fn close_one_by_one(first: u32, last: u32) {
    let Ok(listed) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers: Vec<u32> =
        listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| (first..=last).contains(number)) {
        #[expect(
            unsafe_code,
            reason = "a descriptor that is nobody's in this program has no safe type"
        )]
        // SAFETY: as above; the number of the directory, which is closed, does no harm.
        let _ = unsafe { nix::libc::close(number.cast_signed()) };
    }
}

#[must_use]
pub fn emfile_error() -> std::io::Error {
    std::io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error())
}

/// The error text, with the limit of this process if the error is a reached limit: the system's text has none.
#[must_use]
pub fn with_descriptor_limit(text: &str) -> String {
    let limits = [
        (EMFILE_TEXT, "no file descriptor left (RLIMIT_NOFILE", Resource::Nofile),
        (TOO_LARGE, "no file may be so large (RLIMIT_FSIZE", Resource::Fsize),
    ];
    let mut text = text.to_owned();
    for (error, words, resource) in limits {
        if text.contains(error) {
            let limit = getrlimit(resource)
                .current
                .map_or_else(|| "unlimited".to_owned(), |n| n.to_string());
            text = text.replace(error, &format!("{words} {limit})"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptor_limit_is_named_in_emfile_errors_only() {
        let named = with_descriptor_limit(&format!("what runs is unknown: {}", emfile_error()));
        let limit = getrlimit(Resource::Nofile).current.unwrap();
        assert_eq!(
            named,
            format!("what runs is unknown: no file descriptor left (RLIMIT_NOFILE {limit})")
        );
        assert_eq!(with_descriptor_limit("it is up"), "it is up");
    }
}
