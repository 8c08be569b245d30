//! Parses the command line of the java launcher into options, main class and arguments. Pure.
//!
//! Arguments can be any text; only the options and the main class say what the program is.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Options whose value is the next argument (`java --help`, JDK 8 to 25).
const OPTIONS_WITH_VALUE: [&[u8]; 16] = [
    b"-cp",
    b"-classpath",
    b"--class-path",
    b"-p",
    b"--module-path",
    b"--upgrade-module-path",
    b"--add-modules",
    b"--limit-modules",
    b"--add-reads",
    b"--add-exports",
    b"--add-opens",
    b"--patch-module",
    b"--enable-native-access",
    b"--source",
    b"--describe-module",
    b"-d",
];

/// Prefixes of the main classes of the JDK's own tools.
const JDK_TOOL_PREFIXES: [&[u8]; 4] = [b"com.sun.tools.", b"sun.tools.", b"sun.jvm.", b"jdk."];

/// A parsed command line, without `argv[0]`.
#[derive(Clone, Debug)]
pub(super) struct JavaCommandLine<'a> {
    /// Without values that are arguments of their own.
    options: Vec<&'a OsStr>,
    /// The main class, with its module if there is one, or the file after `-jar`. None: the line ends before it.
    main_class: Option<&'a OsStr>,
    arguments: &'a [OsString],
}

impl<'a> JavaCommandLine<'a> {
    /// `argv` as in `/proc/PID/cmdline`.
    pub(super) fn parse(argv: &'a [OsString]) -> Self {
        let words = argv.get(1..).unwrap_or_default();
        let mut options: Vec<&OsStr> = Vec::new();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            at += 1;
            let bytes = word.as_bytes();
            let main = match bytes {
                b"-jar" | b"-m" | b"--module" => {
                    at += 1;
                    words.get(at - 1).map(OsString::as_os_str)
                }
                _ if bytes.starts_with(b"--module=") => {
                    Some(OsStr::from_bytes(&bytes[b"--module=".len()..]))
                }
                // The agent opens no file of options (`@file`).
                [b'-' | b'@', ..] => None,
                _ => Some(word.as_os_str()),
            };
            if main.is_some() {
                return Self {
                    options,
                    main_class: main,
                    arguments: words.get(at..).unwrap_or_default(),
                };
            }
            options.push(word);
            at += usize::from(OPTIONS_WITH_VALUE.contains(&bytes));
        }
        Self { options, main_class: None, arguments: &[] }
    }

    /// The value of the last option that begins so: of several, java takes the last one.
    pub(super) fn option(&self, prefix: &str) -> Option<&'a [u8]> {
        self.options
            .iter()
            .rev()
            .find_map(|option| option.as_bytes().strip_prefix(prefix.as_bytes()))
    }

    /// Is the last part of the main class's name one of these?
    pub(super) fn main_class_is(&self, names: &[&str]) -> bool {
        let last = self
            .main_class
            .and_then(|main| main.as_bytes().rsplit(|b| matches!(b, b'.' | b'/')).next());
        last.is_some_and(|last| names.iter().any(|name| name.as_bytes() == last))
    }

    /// Is it one of the JDK's own tools?
    pub(super) fn is_jdk_tool(&self) -> bool {
        let class = self
            .main_class
            .and_then(|main| main.as_bytes().rsplit(|&b| b == b'/').next())
            .unwrap_or_default();
        JDK_TOOL_PREFIXES.iter().any(|prefix| class.starts_with(prefix))
    }

    /// A truncated command line may end before the main class.
    pub(super) fn has_main_class(&self) -> bool {
        self.main_class.is_some()
    }

    pub(super) fn arguments(&self) -> &'a [OsString] {
        self.arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn java_command_line_is_split_at_the_main_class() {
        for (line, main, arguments) in [
            ("java -Da=b Main x -Dc=d", Some("Main"), "x -Dc=d"),
            ("java -cp a.jar Main x", Some("Main"), "x"),
            ("java -classpath a.jar --add-opens m/p=q Main", Some("Main"), ""),
            ("java -Xmx1g -jar a.jar -Da=b", Some("a.jar"), "-Da=b"),
            ("java -jar -Da=b x", Some("-Da=b"), "x"),
            ("java -m m/Main x", Some("m/Main"), "x"),
            ("java --module=m/Main x", Some("m/Main"), "x"),
            ("java @arguments -Da=b Main", Some("Main"), ""),
            ("java -- Main", Some("Main"), ""),
            ("java -version", None, ""),
            ("java -cp", None, ""),
            ("java", None, ""),
        ] {
            let argv = split_words(line);
            let taken_apart = JavaCommandLine::parse(&argv);
            assert_eq!(taken_apart.main_class, main.map(OsStr::new), "{line}");
            assert_eq!(
                taken_apart.arguments().join(OsStr::new(" ")),
                OsString::from(arguments),
                "{line}"
            );
        }
    }

    #[test]
    fn last_of_two_java_options_counts_and_option_values_do_not() {
        let argv = split_words("java -Da=1 -Da=2 -cp -Da=9 Main -Da=3");
        let line = JavaCommandLine::parse(&argv);
        assert_eq!(line.option("-Da="), Some(b"2".as_slice()));
        assert!(line.main_class_is(&["Main"]) && !line.main_class_is(&["ain"]));
    }

    #[test]
    fn jdk_tools_are_recognised() {
        for (line, is_tool) in [
            ("java com.sun.tools.javac.Main", true),
            ("java -m jdk.compiler/com.sun.tools.javac.Main", true),
            ("java com.digitalroute.picostart.PicoStart", false),
            ("java -Djdk.x=y Main", false),
        ] {
            assert_eq!(JavaCommandLine::parse(&split_words(line)).is_jdk_tool(), is_tool, "{line}");
        }
    }
}
