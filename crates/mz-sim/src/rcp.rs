//! One question and one answer over TCP, a line of text each. RCP and the ping of the HA Monitor
//! Server use it.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

/// Asks `address` (`host:port`) and returns the answer without its newline.
///
/// # Errors
/// Errors of name resolution or connection, and timeouts. `UnexpectedEof` if the peer hangs up
/// without an answer.
pub(crate) fn request(address: &str, question: &str, limit: Duration) -> io::Result<String> {
    let deadline = Instant::now() + limit;
    let mut stream = connect(address, deadline)?;
    stream.write_all(format!("{question}\n").as_bytes())?;
    stream.set_read_timeout(Some(remaining(deadline)?))?;
    let mut answer = String::new();
    match BufReader::new(stream).read_line(&mut answer) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(_) => Ok(answer.trim_end().to_owned()),
        // A read reports its timeout as WouldBlock.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(io::ErrorKind::TimedOut.into())
        }
        Err(error) => Err(error),
    }
}

/// Connects to the first address of `host:port` that accepts before the deadline.
pub(crate) fn connect(address: &str, deadline: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{address} has no address"));
    for candidate in address.to_socket_addrs()?.collect::<Vec<SocketAddr>>() {
        match TcpStream::connect_timeout(&candidate, remaining(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
