//! A socket in the file system, of which it is known who has to listen there.

use crate::process::Pid;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Connects to the socket at `path`, if the process `pid`, as the user `uid`, is who listens there: by the kernel, whoever laid the
/// path. Nothing has been said then, and nobody was waited for.
///
/// # Errors
/// Somebody else listens, or nobody, or too many wait for an answer there.
pub fn connect_to_process(path: &Path, pid: Pid, uid: u32) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    let peer = getsockopt(&socket, PeerCredentials)?;
    if (peer.pid(), peer.uid()) != (pid.as_raw(), uid) {
        let (path, pid, uid) = (path.display(), peer.pid(), peer.uid());
        return Err(io::Error::other(format!("at {path} listens process {pid} of user {uid}")));
    }
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn connection_to_another_pid_or_uid_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let _listener = UnixListener::bind(&path).unwrap();
        let own = nix::unistd::geteuid().as_raw();
        assert!(connect_to_process(&path, Pid::own(), own).is_ok());
        assert!(connect_to_process(&path, Pid::own(), own + 1).is_err());
        let other = Pid::new(1).unwrap();
        let why = connect_to_process(&path, other, own).unwrap_err().to_string();
        assert!(why.contains(&format!("listens process {} of user {own}", Pid::own())), "{why}");
    }
}
