//! Storage that hangs: covers a file or a directory with a FUSE file system that does not answer
//! selected requests.
//!
//! `hung-mount TARGET all|open|exec|read|write|close` covers TARGET with a file system that
//! consists only of its root. That root is a file or a directory with the type, mode, owner and
//! size of TARGET. The program holds back the selected requests and answers the others. A directory
//! needs `all`, because nothing below it can be answered. The program prints "ready" once TARGET is
//! mounted. When its standard input ends, the storage is back: the mount is gone, the covered files
//! are visible again, and the held requests fail.
//!
//! A process with a held request is in state D, and no signal ends it. The kernel waits without
//! limit for the answer to a request that a FUSE server has read (`request_wait_answer` in
//! fs/fuse/dev.c). It waits in the same way for an NFS server that is gone or a device that does
//! not answer. The wait is interruptible, in state S, only until a server has declared that it
//! can't interrupt requests. So the program declares that once before "ready". When this program
//! ends, for any reason, the kernel ends all waiting requests, so nothing stays behind.
//!
//! The protocol is that of include/uapi/linux/fuse.h, 7.31, in the byte order of the machine.
#![forbid(unsafe_code)]

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, ExitCode, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const WRITE: u32 = 16;
const RELEASE: u32 = 18;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;

const HEADER_BYTES: usize = 40;
/// The largest WRITE that the kernel may send.
const MAX_WRITE: u32 = 4096;
/// `FOPEN_DIRECT_IO`: each read(2) comes here; the page cache answers none.
const DIRECT_IO: u32 = 1;
/// `__FMODE_EXEC` (include/linux/fs.h): the flag of an open by execve(2). The kernel passes it with
/// the other flags.
const FMODE_EXEC: u32 = 0x20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, held] = arguments.as_slice() else {
        eprintln!("usage: hung-mount TARGET all|open|exec|read|write|close");
        return ExitCode::FAILURE;
    };
    match run(target, held) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("hung-mount: {target}: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(target: &str, held: &str) -> io::Result<()> {
    let held = match held {
        "all" => HeldRequests::All,
        "open" => HeldRequests::Opcode(OPEN),
        "exec" => HeldRequests::Execution,
        "read" => HeldRequests::Opcode(READ),
        "write" => HeldRequests::Opcode(WRITE),
        "close" => HeldRequests::Opcode(FLUSH),
        other => return Err(io::Error::other(format!("{other} can't be held back"))),
    };
    let covered = std::fs::metadata(target)?;
    let kernel = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
    let options = format!(
        "fd={},rootmode={:o},user_id=0,group_id=0,allow_other",
        kernel.as_raw_fd(),
        covered.mode() & 0o170_000
    );
    let options = std::ffi::CString::new(options)?;
    mount(
        "hung-mount",
        target,
        "fuse",
        MountFlags::NOSUID | MountFlags::NODEV,
        options.as_c_str(),
    )?;
    let mut server = FuseServer { kernel, covered, held };
    server.decline_interrupts(target)?;
    println!("ready");
    loop {
        let input = io::stdin();
        let mut fds =
            [PollFd::new(&server.kernel, PollFlags::IN), PollFd::new(&input, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        let [request, end] = fds.map(|fd| !fd.revents().is_empty());
        if end {
            // The kernel does the rest when it closes our descriptor.
            return Ok(unmount(target, UnmountFlags::DETACH)?);
        }
        if request {
            server.serve()?;
        }
    }
}

/// The requests that get no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeldRequests {
    All,
    /// Requests with this opcode.
    Opcode(u32),
    /// An open by execve(2).
    Execution,
}

struct FuseServer {
    /// The FUSE device: requests are read from it, and answers are written to it.
    kernel: File,
    covered: Metadata,
    held: HeldRequests,
}

/// The used part of a request.
struct FuseRequest {
    kind: u32,
    unique: u64,
    body: Vec<u8>,
}

impl FuseServer {
    /// Declares that requests can't be interrupted. A child sends a request and is killed, so the
    /// kernel asks for an interrupt, and the program refuses.
    fn decline_interrupts(&mut self, target: &str) -> io::Result<()> {
        let mut asking: Option<Child> = None;
        let mut asked: Option<u64> = None;
        loop {
            let request = self.read_request()?;
            match request.kind {
                INIT => {
                    self.answer(&request)?;
                    let mut ask = Command::new("stat");
                    ask.arg(target)
                        .stdin(Stdio::null())
                        .stdout(Stdio::null())
                        .stderr(Stdio::null());
                    asking = Some(ask.spawn()?);
                }
                INTERRUPT => {
                    self.refuse(request.unique, Errno::NOSYS)?;
                    if let Some(unique) = asked {
                        self.refuse(unique, Errno::INTR)?;
                    }
                    return asking.map_or(Ok(()), |mut child| child.wait().map(drop));
                }
                _ => {
                    asked = asked.or(Some(request.unique));
                    if let Some(child) = &mut asking {
                        child.kill()?;
                    }
                }
            }
        }
    }

    fn serve(&mut self) -> io::Result<()> {
        let request = self.read_request()?;
        if self.holds_back(&request) {
            return Ok(());
        }
        match request.kind {
            GETATTR | OPEN | READ | WRITE | RELEASE | FLUSH => self.answer(&request),
            _ => self.refuse(request.unique, Errno::NOSYS),
        }
    }

    fn holds_back(&self, request: &FuseRequest) -> bool {
        match self.held {
            HeldRequests::All => true,
            HeldRequests::Opcode(kind) => request.kind == kind,
            // The first field of an open has its flags.
            HeldRequests::Execution => {
                let flags =
                    request.body.first_chunk().map_or(0, |&flags| u32::from_ne_bytes(flags));
                request.kind == OPEN && flags & FMODE_EXEC != 0
            }
        }
    }

    fn read_request(&mut self) -> io::Result<FuseRequest> {
        // The kernel requires room for its largest request, and never less than 8 KiB.
        let mut buffer = [0; 16 * 1024];
        let length = self.kernel.read(&mut buffer)?;
        let number =
            |at: usize| u32::from_ne_bytes(buffer[at..at + 4].try_into().expect("four bytes"));
        let unique = u64::from_ne_bytes(buffer[8..16].try_into().expect("eight bytes"));
        Ok(FuseRequest {
            kind: number(4),
            unique,
            body: buffer[HEADER_BYTES..length.max(HEADER_BYTES)].to_vec(),
        })
    }

    fn answer(&mut self, request: &FuseRequest) -> io::Result<()> {
        let body = match request.kind {
            INIT => Self::init_reply(),
            GETATTR => self.attribute_reply(),
            OPEN => {
                // Without it a read of an empty file never comes here; with it no process can map
                // the file for writing.
                let how = if self.held == HeldRequests::Opcode(READ) { DIRECT_IO } else { 0 };
                [&[0; 8][..], &how.to_ne_bytes(), &[0; 4]].concat()
            }
            // WRITE: all bytes are written; the third field has the length.
            WRITE => [&request.body[16..20], &[0; 4]].concat(),
            // READ: a file of zeros, as long as the covered one.
            READ => {
                let from = u64::from_ne_bytes(request.body[8..16].try_into().expect("eight bytes"));
                let wanted =
                    u32::from_ne_bytes(request.body[16..20].try_into().expect("four bytes"));
                let length = self.covered.size().saturating_sub(from).min(wanted.into());
                vec![0; usize::try_from(length).map_err(io::Error::other)?]
            }
            // RELEASE and FLUSH succeed.
            _ => Vec::new(),
        };
        self.reply(request.unique, 0, &body)
    }

    /// `fuse_init_out`: the version, and the size limits of a request; no feature.
    fn init_reply() -> Vec<u8> {
        let mut body = [7_u32, 31, 0, 0, 0, MAX_WRITE].map(u32::to_ne_bytes).concat();
        body.resize(64, 0);
        body
    }

    /// `fuse_attr_out`, which no cache may keep.
    fn attribute_reply(&self) -> Vec<u8> {
        let of = &self.covered;
        let times = [of.atime(), of.mtime(), of.ctime()].map(i64::cast_unsigned);
        let [atime, mtime, ctime] = times;
        let long =
            [0, 0, 1, of.size(), of.blocks(), atime, mtime, ctime].map(u64::to_ne_bytes).concat();
        let short =
            [0, 0, 0, of.mode(), 1, of.uid(), of.gid(), 0, 4096, 0].map(u32::to_ne_bytes).concat();
        [long, short].concat()
    }

    fn refuse(&self, unique: u64, error: Errno) -> io::Result<()> {
        self.reply(unique, -error.raw_os_error(), &[])
    }

    fn reply(&self, unique: u64, error: i32, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(16 + body.len()).map_err(io::Error::other)?;
        let head =
            [&length.to_ne_bytes()[..], &error.to_ne_bytes(), &unique.to_ne_bytes()].concat();
        (&self.kernel).write_all(&[&head, body].concat())
    }
}
