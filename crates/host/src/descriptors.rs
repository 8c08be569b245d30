//! File descriptors, and what is done where there are hardly any.

use rustix::fd::{AsRawFd, BorrowedFd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many as must be left for the work of a process that keeps one for a while: a look at /proc, a helper, a command.
const IN_RESERVE: u64 = 12;

/// What the system says where there is none left, in the words that Rust has for it.
const NONE_LEFT: &str = "Too many open files (os error 24)";

/// Lets this process have as many as its hard limit allows.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // Where that is refused it works with those it has.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}

/// Are so few left above this one that it had better not be kept? The kernel gives the lowest free number, so all below it are in use.
#[must_use]
pub fn is_of_the_last(descriptor: BorrowedFd<'_>) -> bool {
    let number = u64::try_from(descriptor.as_raw_fd()).unwrap_or_default();
    getrlimit(Resource::Nofile).current.is_some_and(|limit| number + IN_RESERVE >= limit)
}

/// That there is none left.
#[must_use]
pub fn none_left() -> std::io::Error {
    std::io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error())
}

/// The text of an error, with the limit that is reached where it is this one: the system's own words name no number.
#[must_use]
pub fn naming_the_limit(text: &str) -> String {
    if !text.contains(NONE_LEFT) {
        return text.to_owned();
    }
    let limit = getrlimit(Resource::Nofile).current.map_or_else(|| "unlimited".to_owned(), |n| n.to_string());
    text.replace(NONE_LEFT, &format!("no file descriptor left (RLIMIT_NOFILE {limit})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_named_where_it_is_reached_and_nowhere_else() {
        let named = naming_the_limit(&format!("what runs is unknown: {}", none_left()));
        let limit = getrlimit(Resource::Nofile).current.unwrap();
        assert_eq!(named, format!("what runs is unknown: no file descriptor left (RLIMIT_NOFILE {limit})"));
        assert_eq!(naming_the_limit("it is up"), "it is up");
    }
}
