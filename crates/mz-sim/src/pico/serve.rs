//! Polls for events and answers clients.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::time::Instant;

use nix::sys::signalfd::SignalFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::SimulatedPico;
use crate::{ha, history};

/// No question of ours is longer.
const MAX_LINE_BYTES: usize = 4096;

/// The listener that accepted a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListenerKind {
    Rcp,
    Web,
    Ha,
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    door: ListenerKind,
    read: Vec<u8>,
}

/// An event for the pico's main loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServeEvent {
    Signal(u32),
    Shutdown,
    PlatformLost,
}

/// The meaning of a descriptor in a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PollToken {
    Signals,
    Platform,
    Listener(usize),
    Connection(usize),
}

impl SimulatedPico {
    /// Blocks until an event comes or the next deadline of the pico is reached.
    pub(super) fn poll_events(&mut self, signals: &SignalFd) -> io::Result<Vec<ServeEvent>> {
        let ready = self.poll_ready(signals)?;
        let mut served = Vec::new();
        let mut closed = Vec::new();
        for token in ready {
            match token {
                PollToken::Signals => {
                    while let Some(signal) = signals.read_signal()? {
                        served.push(ServeEvent::Signal(signal.ssi_signo));
                    }
                }
                // The Platform sends only its greeting on this connection; the end of the
                // connection is the event.
                PollToken::Platform => {
                    let gone =
                        |mut stream: &TcpStream| !matches!(stream.read(&mut [0; 64]), Ok(1..));
                    if self.platform.as_ref().is_some_and(gone) {
                        served.push(ServeEvent::PlatformLost);
                    }
                }
                PollToken::Listener(index) => self.accept(index),
                PollToken::Connection(index) => {
                    if !self.serve_connection(index, &mut served) {
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

    fn poll_ready(&self, signals: &SignalFd) -> io::Result<Vec<PollToken>> {
        let mut tokens = vec![PollToken::Signals];
        let mut fds = vec![PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)];
        if let Some(platform) = &self.platform {
            tokens.push(PollToken::Platform);
            fds.push(PollFd::new(platform, PollFlags::IN));
        }
        for (index, listener) in self.listeners().into_iter().enumerate() {
            if let Some((_, listener)) = listener {
                tokens.push(PollToken::Listener(index));
                fds.push(PollFd::new(listener, PollFlags::IN));
            }
        }
        for (index, connection) in self.sockets.connections.iter().enumerate() {
            tokens.push(PollToken::Connection(index));
            fds.push(PollFd::new(&connection.stream, PollFlags::IN));
        }
        let limit = self.next_deadline().map(|due| due.saturating_duration_since(Instant::now()));
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match poll(&mut fds, limit.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
        let ready = fds.iter().zip(tokens).filter(|(fd, _)| !fd.revents().is_empty());
        Ok(ready.map(|(_, token)| token).collect())
    }

    fn listeners(&self) -> [Option<(ListenerKind, &TcpListener)>; 4] {
        let sockets = &self.sockets;
        [
            (ListenerKind::Rcp, &sockets.own),
            (ListenerKind::Rcp, &sockets.rcp),
            (ListenerKind::Web, &sockets.web),
            (ListenerKind::Ha, &sockets.ha),
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

    /// Reads from a client and answers each complete line; false if the connection is over.
    fn serve_connection(&mut self, index: usize, served: &mut Vec<ServeEvent>) -> bool {
        let connection = &mut self.sockets.connections[index];
        let mut buffer = [0; 512];
        match connection.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(count) => connection.read.extend_from_slice(&buffer[..count]),
            Err(error) => {
                return matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                );
            }
        }
        let door = connection.door;
        while let Some(end) =
            self.sockets.connections[index].read.iter().position(|byte| *byte == b'\n')
        {
            let line: Vec<u8> = self.sockets.connections[index].read.drain(..=end).collect();
            let text = self.reply(door, String::from_utf8_lossy(&line).trim_end(), served);
            if text.trim() == ha::SILENT {
                continue;
            }
            if text.trim() == ha::CLOSED {
                self.sockets.ha = None;
                return false;
            }
            if self.sockets.connections[index].stream.write_all(text.as_bytes()).is_err()
                || door != ListenerKind::Rcp
            {
                return false;
            }
        }
        self.sockets.connections[index].read.len() <= MAX_LINE_BYTES
    }

    fn reply(
        &mut self,
        door: ListenerKind,
        question: &str,
        served: &mut Vec<ServeEvent>,
    ) -> String {
        let word = question.split(' ').next().unwrap_or_default();
        match (door, word) {
            (ListenerKind::Ha, ha::PING) => format!("{}\n", self.ha_answer()),
            (ListenerKind::Ha, _) => "FAILED not a ping\n".into(),
            (ListenerKind::Web, _) => {
                let body = format!("{} {}\n", self.run.name, self.state().as_str());
                format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            }
            (ListenerKind::Rcp, "status") => format!("{}\n", self.state().as_str()),
            (ListenerKind::Rcp, "shutdown") => {
                served.push(ServeEvent::Shutdown);
                "stopping\n".into()
            }
            (ListenerKind::Rcp, "ping") => "pong\n".into(),
            (ListenerKind::Rcp, "hello") => "welcome\n".into(),
            (ListenerKind::Rcp, "publish") => {
                history::record(&self.run.home, "publish", &self.run.name, "");
                "published\n".into()
            }
            (ListenerKind::Rcp, _) => "unknown\n".into(),
        }
    }
}
