//! A Unix socket with a verified listener.

use crate::process::Pid;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Connects to the socket at `path` if the kernel says that process `pid` of user `uid` listens there, whoever created the path.
/// It sends nothing and does not block.
///
/// # Errors
/// Another process listens, none does, or its backlog is full.
pub fn connect_to_process(path: &Path, pid: Pid, uid: u32) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    let peer = getsockopt(&socket, PeerCredentials)?;
    if (peer.pid(), peer.uid()) != (pid.as_raw(), uid) {
        let (path, pid, uid) = (path.display(), peer.pid(), peer.uid());
        return Err(io::Error::other(format!("{path}: process {pid} of user {uid} listens there")));
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
        assert!(
            why.contains(&format!("process {} of user {own} listens there", Pid::own())),
            "{why}"
        );
    }
}
