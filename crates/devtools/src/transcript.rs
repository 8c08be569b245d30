//! Output of the demo: one line for each step, coloured on a terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use testkit::NodeCommandOutput;

const EXIT_CODE_NAMES: [(i32, &str); 4] =
    [(0, "ok"), (1, "error"), (7, "not running"), (190, "degraded")];

/// Counts printed steps and unexpected results.
pub struct Transcript {
    colour: bool,
    failures: u32,
}

impl Transcript {
    /// Colours the output on a terminal, unless `NO_COLOR` is set.
    pub fn on_stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: stdout().is_terminal() && !unwanted, failures: 0 }
    }

    /// Prints the heading of the following steps.
    pub fn chapter(&self, text: &str) {
        print_line(&format!("\n{}", self.paint("1", text)));
    }

    /// Prints a step with exit code, time and reason.
    pub fn step(&mut self, title: &str, ran: &NodeCommandOutput, expected: i32) {
        let code = ran.code();
        let right = code == Some(expected);
        self.failures += u32::from(!right);
        let answer = code.map_or_else(
            || ran.exit_status.to_string(),
            |code| {
                let name = EXIT_CODE_NAMES
                    .iter()
                    .find(|(number, _)| *number == code)
                    .map_or("", |(_, name)| name);
                format!("{code} {name}")
            },
        );
        let colour = match code {
            _ if !right => "1;31",
            Some(0) => "32",
            _ => "33",
        };
        let millis = ran.wall_time.as_secs_f64() * 1e3;
        let answer = self.paint(colour, &format!("{answer:<14}"));
        let mut step = format!("  {title:<36} {answer} {millis:>8.1} ms");
        if let Some(reason) = ran.reason() {
            // Writing to a String can't fail.
            let _ = write!(step, "  {reason}");
        }
        print_line(&step);
        if !right {
            print_line(&format!("  expected {expected}; {ran}"));
        }
    }

    pub fn note(&mut self, text: &str, right: bool) {
        self.failures += u32::from(!right);
        print_line(&format!("  {}", self.paint(if right { "2" } else { "1;31" }, text)));
    }

    /// True if all results so far were as expected.
    pub fn all_as_expected(&self) -> bool {
        self.failures == 0
    }

    /// Prints the summary and returns the exit code.
    pub fn close(self, took: Duration) -> ExitCode {
        self.close_with(took, "Nothing is left behind.")
    }

    pub fn close_with(self, took: Duration, left: &str) -> ExitCode {
        let seconds = took.as_secs_f64();
        if self.failures == 0 {
            print_line(&format!("\nAll as it should be, in {seconds:.1} s. {left}"));
            return ExitCode::SUCCESS;
        }
        print_line(&format!("\n{} not as it should be, in {seconds:.1} s. {left}", self.failures));
        ExitCode::FAILURE
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A closed stdout must not end the demo before its cleanup.
fn print_line(text: &str) {
    let _ = writeln!(stdout(), "{text}");
}
