//! Why a command was not executed, or could do nothing.

use crate::process::ProcessId;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::{fmt, io};

/// Why a command was not executed, or could do nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaunchError {
    /// The caller's closures refused, or the child could not be set up; why.
    NotPrepared(String),
    /// There is no such directory, or it can't be entered.
    DirectoryUnusable {
        /// Where the command was to run.
        directory: PathBuf,
        /// What chdir(2) said.
        errno: i32,
    },
    /// There is no such program; or it is a script, and its interpreter is not there.
    NotFound {
        /// The program.
        program: PathBuf,
    },
    /// The program is there, and can't be executed.
    NotExecutable {
        /// The program.
        program: PathBuf,
        /// What execve(2) said.
        errno: i32,
    },
    /// It was not executed by its deadline.
    NotExecutedInTime {
        /// From the release to the deadline.
        seconds: u64,
        /// Whether it waited for storage (D); else the name service is as likely.
        on_storage: bool,
    },
    /// It was executed, and waited for storage (D) at its deadline.
    WaitedForStorage {
        /// It, or a descendant.
        process: ProcessId,
        /// From the release to the deadline.
        seconds: u64,
    },
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let os_error = |errno: &i32| io::Error::from_raw_os_error(*errno);
        match self {
            Self::NotPrepared(why) => f.write_str(why),
            Self::DirectoryUnusable { directory, errno } => {
                write!(f, "directory {} can't be entered: {}", directory.display(), os_error(errno))
            }
            Self::NotFound { program } => write!(f, "{} does not exist", program.display()),
            Self::NotExecutable { program, errno } => {
                write!(f, "{} can't be executed: {}", program.display(), os_error(errno))
            }
            Self::NotExecutedInTime { seconds, on_storage: true } => {
                write!(f, "storage has not answered for {seconds} s")
            }
            Self::NotExecutedInTime { seconds, on_storage: false } => {
                write!(f, "storage or name service has not answered for {seconds} s")
            }
            Self::WaitedForStorage { process, seconds } => {
                write!(f, "{process} has waited for storage (D), {seconds} s in all")
            }
        }
    }
}

impl std::error::Error for LaunchError {}

impl From<String> for LaunchError {
    fn from(why: String) -> Self {
        Self::NotPrepared(why)
    }
}

/// Longest message of the child: a pipe takes so much (`PIPE_BUF`) in one piece or not at all.
pub(super) const MAX_MESSAGE_BYTES: usize = 4096;

const NOT_PREPARED: u8 = b'p';
const DIRECTORY_UNUSABLE: u8 = b'd';
const NOT_FOUND: u8 = b'f';
const NOT_EXECUTABLE: u8 = b'x';

impl LaunchError {
    /// What the child writes to its parent: the variant, the error number, and the rest.
    pub(super) fn to_message(&self) -> Vec<u8> {
        let (variant, errno, rest) = match self {
            Self::DirectoryUnusable { directory, errno } => {
                (DIRECTORY_UNUSABLE, *errno, directory.as_os_str().as_bytes())
            }
            Self::NotFound { program } => (NOT_FOUND, 0, program.as_os_str().as_bytes()),
            Self::NotExecutable { program, errno } => {
                (NOT_EXECUTABLE, *errno, program.as_os_str().as_bytes())
            }
            // The last two are the parent's own.
            Self::NotPrepared(_)
            | Self::NotExecutedInTime { .. }
            | Self::WaitedForStorage { .. } => (NOT_PREPARED, 0, &*self.to_string().into_bytes()),
        };
        let mut message = [&[variant], &errno.to_ne_bytes()[..], rest].concat();
        message.truncate(MAX_MESSAGE_BYTES);
        message
    }

    /// `None`: the child wrote nothing.
    pub(super) fn from_message(message: &[u8]) -> Option<Self> {
        let (&variant, rest) = message.split_first()?;
        let (errno, rest) = rest.split_first_chunk()?;
        let (errno, path) = (i32::from_ne_bytes(*errno), PathBuf::from(OsStr::from_bytes(rest)));
        Some(match variant {
            DIRECTORY_UNUSABLE => Self::DirectoryUnusable { directory: path, errno },
            NOT_FOUND => Self::NotFound { program: path },
            NOT_EXECUTABLE => Self::NotExecutable { program: path, errno },
            _ => Self::NotPrepared(String::from_utf8_lossy(rest).into_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn launch_error_of_the_child_arrives_as_it_was() {
        let path = PathBuf::from(OsStr::from_bytes(b"/opt/\xff"));
        let errno = Errno::ACCESS.raw_os_error();
        for error in [
            LaunchError::NotPrepared("mz_home: not there".to_owned()),
            LaunchError::DirectoryUnusable { directory: path.clone(), errno },
            LaunchError::NotFound { program: path.clone() },
            LaunchError::NotExecutable { program: path.clone(), errno },
        ] {
            assert_eq!(LaunchError::from_message(&error.to_message()), Some(error));
        }
        assert_eq!(LaunchError::from_message(b""), None);
        let long = LaunchError::NotPrepared("x".repeat(10_000)).to_message();
        assert_eq!(long.len(), MAX_MESSAGE_BYTES);
    }

    #[test]
    fn launch_error_says_what_to_look_at() {
        let errno = Errno::NOENT.raw_os_error();
        let unusable = LaunchError::DirectoryUnusable { directory: "/opt/mz".into(), errno };
        let said = unusable.to_string();
        assert_eq!(
            said,
            "directory /opt/mz can't be entered: No such file or directory (os error 2)"
        );
        let waiting =
            |on_storage| LaunchError::NotExecutedInTime { seconds: 7, on_storage }.to_string();
        assert_eq!(waiting(true), "storage has not answered for 7 s");
        assert_eq!(waiting(false), "storage or name service has not answered for 7 s");
    }
}
