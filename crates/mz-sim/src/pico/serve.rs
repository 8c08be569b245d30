//! Waits for whatever comes next, and answers clients.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::time::Instant;

use nix::sys::signalfd::SignalFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::Pico;
use crate::{ha, history};

/// A line that is longer than this is no question of ours.
const LONGEST: usize = 4096;

/// On what listener a client came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Rcp,
    Web,
    Ha,
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    door: Door,
    read: Vec<u8>,
}

/// What the pico must act upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Served {
    Signal(u32),
    Shutdown,
    PlatformLost,
}

/// What a descriptor of one poll stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Signals,
    Platform,
    Listener(usize),
    Connection(usize),
}

impl Pico {
    /// Blocks until there is something to do or the next event of the pico's own is due.
    pub(super) fn wait(&mut self, signals: &SignalFd) -> io::Result<Vec<Served>> {
        let ready = self.ready(signals)?;
        let mut served = Vec::new();
        let mut closed = Vec::new();
        for token in ready {
            match token {
                Token::Signals => {
                    while let Some(signal) = signals.read_signal()? {
                        served.push(Served::Signal(signal.ssi_signo));
                    }
                }
                // The Platform says nothing on this connection but its greeting; its end is what counts.
                Token::Platform => {
                    let gone = |mut stream: &TcpStream| !matches!(stream.read(&mut [0; 64]), Ok(1..));
                    if self.platform.as_ref().is_some_and(gone) {
                        served.push(Served::PlatformLost);
                    }
                }
                Token::Listener(index) => self.accept(index),
                Token::Connection(index) => {
                    if !self.answer(index, &mut served) {
                        closed.push(index);
                    }
                }
            }
        }
        for index in closed.into_iter().rev() {
            self.sockets.connections.swap_remove(index);
        }
        Ok(served)
    }

    fn ready(&self, signals: &SignalFd) -> io::Result<Vec<Token>> {
        let mut tokens = vec![Token::Signals];
        let mut fds = vec![PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)];
        if let Some(platform) = &self.platform {
            tokens.push(Token::Platform);
            fds.push(PollFd::new(platform, PollFlags::IN));
        }
        for (index, listener) in self.listeners().into_iter().enumerate() {
            if let Some((_, listener)) = listener {
                tokens.push(Token::Listener(index));
                fds.push(PollFd::new(listener, PollFlags::IN));
            }
        }
        for (index, connection) in self.sockets.connections.iter().enumerate() {
            tokens.push(Token::Connection(index));
            fds.push(PollFd::new(&connection.stream, PollFlags::IN));
        }
        let limit = self.next_event().map(|due| due.saturating_duration_since(Instant::now()));
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match poll(&mut fds, limit.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
        let ready = fds.iter().zip(tokens).filter(|(fd, _)| !fd.revents().is_empty());
        Ok(ready.map(|(_, token)| token).collect())
    }

    fn listeners(&self) -> [Option<(Door, &TcpListener)>; 4] {
        let sockets = &self.sockets;
        [
            (Door::Rcp, &sockets.own),
            (Door::Rcp, &sockets.rcp),
            (Door::Web, &sockets.web),
            (Door::Ha, &sockets.ha),
        ]
        .map(|(door, listener)| listener.as_ref().map(|listener| (door, listener)))
    }

    fn accept(&mut self, index: usize) {
        if let Some((door, listener)) = self.listeners()[index]
            && let Ok((stream, _)) = listener.accept()
            && stream.set_nonblocking(true).is_ok()
        {
            self.sockets.connections.push(Connection { stream, door, read: Vec::new() });
        }
    }

    /// Reads from a client and answers each whole line; false when the connection is over.
    fn answer(&mut self, index: usize, served: &mut Vec<Served>) -> bool {
        let connection = &mut self.sockets.connections[index];
        let mut buffer = [0; 512];
        match connection.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(count) => connection.read.extend_from_slice(&buffer[..count]),
            Err(error) => {
                return matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
            }
        }
        let door = connection.door;
        while let Some(end) = self.sockets.connections[index].read.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.sockets.connections[index].read.drain(..=end).collect();
            let text = self.reply(door, String::from_utf8_lossy(&line).trim_end(), served);
            if text.trim() == ha::SILENT {
                continue;
            }
            if text.trim() == ha::CLOSED {
                self.sockets.ha = None;
                return false;
            }
            if self.sockets.connections[index].stream.write_all(text.as_bytes()).is_err() || door != Door::Rcp
            {
                return false;
            }
        }
        self.sockets.connections[index].read.len() <= LONGEST
    }

    fn reply(&mut self, door: Door, question: &str, served: &mut Vec<Served>) -> String {
        let word = question.split(' ').next().unwrap_or_default();
        match (door, word) {
            (Door::Ha, ha::PING) => format!("{}\n", self.ha_answer()),
            (Door::Ha, _) => "FAILED not a ping\n".into(),
            (Door::Web, _) => {
                let body = format!("{} {}\n", self.run.name, self.state().word());
                format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            }
            (Door::Rcp, "status") => format!("{}\n", self.state().word()),
            (Door::Rcp, "shutdown") => {
                served.push(Served::Shutdown);
                "stopping\n".into()
            }
            (Door::Rcp, "ping") => "pong\n".into(),
            (Door::Rcp, "hello") => "welcome\n".into(),
            (Door::Rcp, "publish") => {
                history::record(&self.run.home, "publish", &self.run.name, "");
                "published\n".into()
            }
            (Door::Rcp, _) => "unknown\n".into(),
        }
    }
}
