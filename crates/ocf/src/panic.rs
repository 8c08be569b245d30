//! A panic becomes an exit reason and exit code 1.
//!
//! Without a hook the process would exit with 101, or by SIGABRT if panics abort. Pacemaker treats
//! both as a failure without a reason, and the message is lost in the middle of its log. The hook
//! runs before unwinding or aborting, in any thread, so it covers both.

use crate::stderr::write_stderr;
use crate::{ExitCode, exit_reason};
use std::panic::PanicHookInfo;

pub(crate) fn install_hook(prefix: &str) {
    let prefix = prefix.to_owned();
    exit_on_panic(ExitCode::Generic.number(), move |words| {
        exit_reason::stderr_line(words, &prefix)
    });
}

/// Makes a panic end this process with exit code `code`. The hook writes to stderr the result of
/// `line` for the panic message. It is for a program whose caller gives 101 another meaning: a
/// cluster manager may read 101 to 110 as "online".
pub fn exit_on_panic(code: u8, line: impl Fn(&str) -> String + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |info| {
        write_stderr(&line(&describe_panic(info)));
        #[expect(
            clippy::exit,
            reason = "in a hook there is no way back to main, and the code must be this one"
        )]
        std::process::exit(code.into());
    }));
}

fn describe_panic(info: &PanicHookInfo<'_>) -> String {
    let at = info.location().map_or_else(String::new, |at| {
        // The end of a path identifies the file better than its beginning.
        let file = at.file().rsplit('/').next().unwrap_or_default();
        format!(" at {file}:{}", at.line())
    });
    let payload = info.payload();
    let message = payload.downcast_ref::<&str>().copied();
    let message = message.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("internal error{at}, please report: {}", message.unwrap_or("no message"))
}
