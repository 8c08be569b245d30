//! The variables of `bin/mzsh`, a shell script in which the installation of the product sets
//! literal values.
//!
//! The script is parsed and never run. A value counts only as a word that the shell would not
//! change, except for `$MZ_HOME`, which is known. It must be in an assignment or the default of an
//! expansion. A variable with two different values counts as unset.

use crate::product::permission_check::check_open_as_root;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Maximum length of the script, in bytes.
const MAX_SCRIPT_BYTES: usize = 256 << 10;

/// The words before an assignment in its line. After any other word it is no assignment.
const ASSIGNMENT_PREFIXES: [&str; 9] = ["", "&&", "||", "then", "else", "do", "export", "{", "("];

/// The literal values of `bin/mzsh` for the variables that the agents use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MzshVariables {
    /// `JAVA_HOME`.
    pub java_home: Option<PathBuf>,
    /// `MZ_CONTAINER`.
    pub container: Option<String>,
    /// `MZ_PLATFORM`: the URL of the Platform.
    pub platform: Option<String>,
}

impl MzshVariables {
    /// Reads the script of the installation in `home`; all are unset if it is unreadable or no
    /// script. Call this in a worker process that has switched user.
    #[must_use]
    pub fn from_home(home: &Path) -> Self {
        let text = check_open_as_root(&home.join("bin/mzsh"))
            .and_then(|()| host::files::read_regular(&home.join("bin/mzsh"), MAX_SCRIPT_BYTES))
            .unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&text), home)
    }

    fn parse(script: &str, home: &Path) -> Self {
        let home = home.to_string_lossy();
        let lines = || script.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let literal = |name: &str| {
            let mut values: Vec<String> =
                lines().flat_map(|line| assigned_values(line, name, &home)).collect();
            values.dedup();
            if values.len() == 1 { values.pop() } else { None }
        };
        Self {
            java_home: literal("JAVA_HOME").map(PathBuf::from).filter(|path| path.is_absolute()),
            container: literal("MZ_CONTAINER"),
            platform: literal("MZ_PLATFORM"),
        }
    }
}

/// The values that a line assigns to a variable.
fn assigned_values(line: &str, name: &str, home: &str) -> Vec<String> {
    let at = |pattern: String| {
        let length = pattern.len();
        line.match_indices(&pattern)
            .map(move |(at, _)| (&line[..at], &line[at + length..]))
            .collect::<Vec<_>>()
    };
    let assigned = at(format!("{name}=")).into_iter().filter(|(before, _)| {
        let last = before.split_whitespace().last().unwrap_or_default();
        ASSIGNMENT_PREFIXES.contains(&last) || last.ends_with(';')
    });
    let assigned = assigned.filter_map(|(_, rest)| shell_word(rest, home));
    let expanded = [":=", "=", ":-", "-"].into_iter().flat_map(|op| at(format!("${{{name}{op}")));
    let expanded = expanded.filter_map(|(_, rest)| shell_word(rest.split_once('}')?.0, home));
    assigned.chain(expanded).filter(|value| !value.is_empty()).collect()
}

/// The first word of a text, by the rules of the shell; `None` if the shell would change it.
fn shell_word(text: &str, home: &str) -> Option<String> {
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, c) if c.is_whitespace() || ";&|)".contains(c) => break,
            (Some('\''), c) => word.push(c),
            (_, '$') => {
                let known =
                    ["$MZ_HOME", "${MZ_HOME}"].into_iter().find(|name| rest.starts_with(name))?;
                word.push_str(home);
                rest = &rest[known.len()..];
                if rest.starts_with(|c: char| {
                    known.len() == 8 && (c.is_ascii_alphanumeric() || c == '_')
                }) {
                    return None;
                }
                continue;
            }
            (_, '`' | '\\') => return None,
            (_, c) => word.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    quote.is_none().then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn java_home(script: &str) -> Option<String> {
        let literals = MzshVariables::parse(script, Path::new("/opt/mz"));
        literals.java_home.map(|path| path.to_str().unwrap().to_owned())
    }

    #[test]
    fn literal_assignment_is_found_in_every_shell_spelling() {
        for line in [
            "JAVA_HOME=/usr/lib/jvm/17",
            "  export JAVA_HOME='/usr/lib/jvm/17'",
            "JAVA_HOME=\"/usr/lib/jvm/17\"; export JAVA_HOME",
            "[ -n \"$JAVA_HOME\" ] || JAVA_HOME=/usr/lib/jvm/17",
            "if [ -z \"$JAVA_HOME\" ]; then JAVA_HOME=/usr/lib/jvm/17; fi",
            ": ${JAVA_HOME:=/usr/lib/jvm/17}",
            "JAVA_HOME=${JAVA_HOME:-/usr/lib/jvm/17}",
            "JAVA_HOME=\"${JAVA_HOME:-/usr/lib/jvm/17}\"",
            "JAVA_HOME=/usr/lib/jvm/17\nexport JAVA_HOME\n# JAVA_HOME=/other",
            "JAVA_HOME=/usr/lib/jvm/17\nif true; then\n    JAVA_HOME=/usr/lib/jvm/17\nfi",
        ] {
            assert_eq!(java_home(line).as_deref(), Some("/usr/lib/jvm/17"), "{line}");
        }
        assert_eq!(java_home("JAVA_HOME=$MZ_HOME/jre").as_deref(), Some("/opt/mz/jre"));
        assert_eq!(java_home("JAVA_HOME=\"${MZ_HOME}/jre\"").as_deref(), Some("/opt/mz/jre"));
    }

    #[test]
    fn assignment_that_needs_a_shell_is_ignored() {
        for line in [
            "",
            "JAVA_HOME=`find_java`",
            "JAVA_HOME=$(find_java)",
            "JAVA_HOME=$MZ_HOMES/jre",
            "JAVA_HOME=jre",
            "JAVA_HOME='/unclosed",
            "echo JAVA_HOME=/wrong",
            "MY_JAVA_HOME=/wrong",
            "JAVA_HOME=/a\nJAVA_HOME=/b",
            "JAVA_HOME=",
        ] {
            assert_eq!(java_home(line), None, "{line}");
        }
    }

    #[test]
    fn container_and_platform_are_read_from_the_script() {
        let script = "[ -n \"$MZ_CONTAINER\" ] || MZ_CONTAINER='exec1'\nMZ_CONTAINER_TYPE=execution\n\
            [ -n \"$MZ_PLATFORM\" ] || MZ_PLATFORM='http://mzplat:9000'\n";
        let literals = MzshVariables::parse(script, Path::new("/opt/mz"));
        assert_eq!(literals.container.as_deref(), Some("exec1"));
        assert_eq!(literals.platform.as_deref(), Some("http://mzplat:9000"));
        assert_eq!(literals.java_home, None);
    }
}
