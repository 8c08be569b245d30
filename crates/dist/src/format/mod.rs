//! The two formats.

pub(crate) mod deb;
pub(crate) mod rpm;

use std::fs;

use devtools::{TaskError, workspace};

use crate::zig::GLIBC;

/// The architecture of the programs, as the kernel names it.
const MACHINE: &str = "x86_64";

/// A script of the agents' package: the common functions, then the format's own lines.
fn script(format: &str, name: &str) -> Result<String, TaskError> {
    let read = |name: &str| {
        let path = workspace::root().join("packaging").join(name);
        fs::read_to_string(&path).map_err(TaskError::file("read", &path))
    };
    let functions = read("scripts/functions.sh")?
        .replace("@MACHINE@", MACHINE)
        .replace("@GLIBC_MAJOR@", &GLIBC.0.to_string())
        .replace("@GLIBC_MINOR@", &GLIBC.1.to_string());
    Ok(functions + "\n" + &read(&format!("{format}/resource-agents-mediationzone.{name}"))?)
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_lines_keep_to_the_width() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("aaaaaaaa b", 5), ["aaaaaaaa", "b"]);
    }

    #[test]
    fn scripts_have_no_placeholder_left() {
        for (format, names) in [
            ("debian", ["preinst", "postinst", "prerm", "postrm"]),
            ("rpm", ["pre", "post", "preun", "postun"]),
        ] {
            for name in names {
                let script = script(format, name).unwrap();
                assert!(!script.contains('@'), "{format}: {name}");
            }
        }
    }
}
