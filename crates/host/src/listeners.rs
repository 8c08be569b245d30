//! Who listens on a TCP port of this node, from `/proc/net/tcp`, `/proc/net/tcp6` and the descriptors of processes.

use crate::files::{read_capped, unreadable};
use crate::process::{self, Pid};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

/// Longest table that is read. A line is 150 bytes; this bounds the memory at some 50,000 sockets.
const MAX_TABLE_BYTES: usize = 8 << 20;

/// A listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where it listens; unspecified (0.0.0.0, ::) means every address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    inode: u64,
}

/// All listening TCP sockets of this network namespace.
///
/// # Errors
/// /proc can't be read.
pub fn all() -> io::Result<Vec<Listener>> {
    let read = |file| read_capped(file, MAX_TABLE_BYTES).map_err(unreadable(file));
    let mut found = parse(&read("/proc/net/tcp")?);
    match read("/proc/net/tcp6") {
        Ok(content) => found.extend(parse(&content)),
        // A kernel without IPv6.
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    Ok(found)
}

/// Whether the process has a TCP socket to this port, in any state; true if unknown.
#[must_use]
pub fn has_connection_to_port(pid: Pid, port: u16) -> bool {
    let Ok(own) = socket_inodes(pid) else { return true };
    ["tcp", "tcp6"].iter().any(|table| {
        let content = match read_capped(format!("/proc/{pid}/net/{table}"), MAX_TABLE_BYTES) {
            // It may have been cut before the line that matters.
            Ok(content) if content.len() >= MAX_TABLE_BYTES => return true,
            Ok(content) => content,
            // A kernel without IPv6.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return false,
            Err(_) => return true,
        };
        String::from_utf8_lossy(&content).lines().skip(1).any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let remote = fields
                .get(2)
                .and_then(|remote| u16::from_str_radix(remote.split_once(':')?.1, 16).ok());
            let inode = fields.get(9).and_then(|inode| inode.parse().ok());
            remote == Some(port) && inode.is_some_and(|inode| own.contains(&inode))
        })
    })
}

/// The inodes of the sockets that the process has open.
fn socket_inodes(pid: Pid) -> io::Result<Vec<u64>> {
    let inode = |link: PathBuf| {
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok()
    };
    let directory = format!("/proc/{pid}/fd");
    let descriptors = std::fs::read_dir(&directory).map_err(unreadable(&directory))?;
    Ok(descriptors
        .filter_map(|entry| inode(std::fs::read_link(entry.ok()?.path()).ok()?))
        .collect())
}

impl Listener {
    /// Would a bind of its port at `address` fail for it? An unspecified address on either side covers all.
    #[must_use]
    pub fn conflicts_with(&self, address: IpAddr) -> bool {
        self.address.is_unspecified() || address.is_unspecified() || self.address == address
    }

    /// Has the process the socket open?
    ///
    /// # Errors
    /// It has ended, or may not be looked at.
    pub fn is_open_in(&self, pid: Pid) -> io::Result<bool> {
        Ok(socket_inodes(pid)?.contains(&self.inode))
    }

    /// The process that has the socket open, of several the one with the lowest number; `None` when none can be found (another pid namespace, a process that
    /// may not be looked at).
    ///
    /// # Errors
    /// /proc can't be listed.
    pub fn find_process(&self) -> io::Result<Option<Pid>> {
        let holds = |pid: Pid| self.is_open_in(pid).unwrap_or(false);
        // Of several (a server and its workers) the first, which is most likely the one with a name.
        Ok(process::snapshot()?.iter().map(|stat| stat.pid).filter(|&pid| holds(pid)).min())
    }
}

fn parse(content: &[u8]) -> Vec<Listener> {
    String::from_utf8_lossy(content).lines().skip(1).filter_map(parse_line).collect()
}

/// `sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode ...`; state 0A listens.
fn parse_line(line: &str) -> Option<Listener> {
    let mut fields = line.split_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    if fields.nth(1)? != "0A" {
        return None;
    }
    let inode = fields.nth(5)?.parse().ok()?;
    // Each group of four bytes is a number in the host's byte order.
    let words: Option<Vec<u32>> = (0..address.len() / 8)
        .map(|i| u32::from_str_radix(address.get(i * 8..i * 8 + 8)?, 16).ok())
        .collect();
    let address = match *words?.as_slice() {
        [word] => IpAddr::V4(Ipv4Addr::from(word.to_ne_bytes())),
        [a, b, c, d] => {
            let bytes: Vec<u8> = [a, b, c, d].iter().flat_map(|w| w.to_ne_bytes()).collect();
            let v6 = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
            v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
        }
        _ => return None,
    };
    Some(Listener { address, port: u16::from_str_radix(port, 16).ok()?, inode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connected_process_has_a_connection_to_that_port() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        assert!(!has_connection_to_port(Pid::own(), port));
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(has_connection_to_port(Pid::own(), port));
        drop(client);
    }

    #[test]
    fn truncated_tcp_table_does_not_panic() {
        let content = std::fs::read("/proc/net/tcp").unwrap();
        for end in 0..content.len().min(400) {
            let _ = parse(&content[..end]);
        }
    }
}
