//! Arguments of the product's scripts.

use super::EnvironmentVariables;
use clap::ValueHint;
use pico::PicoName;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

pub(super) const USAGE: &str = "\
usage: monitor JAVA_HOME MZ_HOME USER HA_PORT [HOST] [SECONDS] [debug]
       online  JAVA_HOME MZ_HOME USER PICO
       offline JAVA_HOME MZ_HOME USER PICO
       clean   JAVA_HOME MZ_HOME USER PICO
Called by a link of that name, or as mz-ha-scripts with that name before the others.
Environment: MZ_HA_TIMEOUT (seconds that the script may take; default 60, 420, 360, 120),
OCF_RESKEY_<parameter> (what ocf:mediationzone agents call so).
monitor: OK and 110, FAILED and 100, UNKNOWN and 99. The others: 0 is done.
";

/// The same command line, for completions: managers call it by positions, so it is not parsed by clap.
pub(super) fn completed_command() -> clap::Command {
    let argument = |name: &'static str, hint| clap::Arg::new(name).required(true).value_hint(hint);
    let installation = |script: &'static str, about: &'static str| {
        clap::Command::new(script).about(about).disable_help_flag(true).args([
            argument("JAVA_HOME", ValueHint::DirPath),
            argument("MZ_HOME", ValueHint::DirPath),
            argument("USER", ValueHint::Username),
        ])
    };
    let monitor = installation("monitor", "Check a pico: 110 OK, 100 FAILED, 99 UNKNOWN").args([
        argument("HA_PORT", ValueHint::Other),
        argument("HOST", ValueHint::Hostname).required(false),
        argument("SECONDS", ValueHint::Other).required(false),
        clap::Arg::new("debug").value_parser(["debug"]),
    ]);
    let changes = [
        ("online", "Start a pico"),
        ("offline", "Stop a pico"),
        ("clean", "End all processes of a pico by signals"),
    ];
    let changes = changes
        .map(|(script, about)| installation(script, about).arg(argument("PICO", ValueHint::Other)));
    clap::Command::new("mz-ha-scripts")
        .version(agents::VERSION)
        .disable_help_subcommand(true)
        .subcommand(monitor)
        .subcommands(changes)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HaScript {
    Monitor,
    Change(HaAction),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HaAction {
    Online,
    Offline,
    Clean,
}

impl HaScript {
    fn from_name(name: &OsStr) -> Option<Self> {
        match name.to_str()? {
            "monitor" => Some(Self::Monitor),
            "online" => Some(Self::Change(HaAction::Online)),
            "offline" => Some(Self::Change(HaAction::Offline)),
            "clean" => Some(Self::Change(HaAction::Clean)),
            _ => None,
        }
    }

    /// The agents' advised timeout of the same action; for clean the time that
    /// signals take.
    fn default_timeout(self) -> Duration {
        Duration::from_secs(match self {
            Self::Monitor => 60,
            Self::Change(HaAction::Online) => 420,
            Self::Change(HaAction::Offline) => 360,
            Self::Change(HaAction::Clean) => 120,
        })
    }
}

/// Arguments of all four scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InstallationArguments {
    pub(super) java_home: String,
    pub(super) mz_home: String,
    pub(super) user: String,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HaScriptCall {
    Monitor {
        installation: InstallationArguments,
        port: u16,
        host: Option<String>,
        seconds: Option<u32>,
        debug: bool,
    },
    Change {
        change: HaAction,
        installation: InstallationArguments,
        pico: PicoName,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UsageError {
    Version,
    Help,
    /// Invalid arguments; `script` if known.
    Invalid {
        script: Option<HaScript>,
        why: String,
    },
}

impl HaScriptCall {
    /// The first argument is the program's name.
    pub(super) fn parse(
        words: impl IntoIterator<Item = OsString>,
        variables: &EnvironmentVariables,
    ) -> Result<Self, UsageError> {
        let mut words = words.into_iter();
        let called = words.next().unwrap_or_default();
        let script = Path::new(&called).file_name().and_then(HaScript::from_name);
        let script = match script {
            Some(script) => script,
            None => match words.next() {
                None => {
                    return Err(UsageError::Invalid {
                        script: None,
                        why: "which script?".to_owned(),
                    });
                }
                Some(word) if word == "--version" => return Err(UsageError::Version),
                Some(word) if word == "--help" || word == "-h" => return Err(UsageError::Help),
                Some(word) => HaScript::from_name(&word).ok_or_else(|| UsageError::Invalid {
                    script: None,
                    why: format!("unknown script {}", word.display()),
                })?,
            },
        };
        let words: Result<Vec<String>, _> = words.map(OsString::into_string).collect();
        words
            .map_err(|word| format!("{} is not UTF-8", word.display()))
            .and_then(|words| Self::from_arguments(script, words, variables))
            .map_err(|why| UsageError::Invalid { script: Some(script), why })
    }

    fn from_arguments(
        script: HaScript,
        words: Vec<String>,
        variables: &EnvironmentVariables,
    ) -> Result<Self, String> {
        let mut words = words.into_iter();
        let mut next = |name: &str| words.next().ok_or_else(|| format!("{name} is missing"));
        let installation = InstallationArguments {
            java_home: require_absolute("JAVA_HOME", next("JAVA_HOME")?)?,
            mz_home: require_absolute("MZ_HOME", next("MZ_HOME")?)?,
            user: next("USER").and_then(|user| {
                if user.is_empty() { Err("USER is empty".into()) } else { Ok(user) }
            })?,
            parameters: parameters_from_environment(variables),
            timeout: timeout_from_environment(script, variables)?,
        };
        if let HaScript::Change(change) = script {
            let pico = next("PICO")?;
            let pico =
                pico.parse().map_err(|expected| format!("PICO {pico:?}: expected {expected}"))?;
            return match words.next() {
                None => Ok(Self::Change { change, installation, pico }),
                Some(word) => Err(format!("what is {word:?}?")),
            };
        }
        let port = next("HA_PORT")?;
        let port = port
            .parse()
            .ok()
            .filter(|&p| p != 0)
            .ok_or(format!("HA_PORT {port:?}: expected 1 to 65535"))?;
        let mut rest: Vec<String> = words.collect();
        let debug = rest.last().is_some_and(|word| word == "debug");
        rest.truncate(rest.len() - usize::from(debug));
        let mut rest = rest.into_iter();
        let host = rest.next().filter(|host| !host.is_empty());
        let seconds = rest.next().filter(|word| !word.is_empty()).map(|word| {
            let number = word.parse().ok().filter(|&n: &u32| (1..=3600).contains(&n));
            number.ok_or(format!("SECONDS {word:?}: expected 1 to 3600"))
        });
        match rest.next() {
            None => {
                Ok(Self::Monitor { installation, port, host, seconds: seconds.transpose()?, debug })
            }
            Some(word) => Err(format!("what is {word:?}?")),
        }
    }

    pub(super) fn installation(&self) -> &InstallationArguments {
        match self {
            Self::Monitor { installation, .. } | Self::Change { installation, .. } => installation,
        }
    }
}

fn require_absolute(name: &str, path: String) -> Result<String, String> {
    if Path::new(&path).is_absolute() {
        Ok(path)
    } else {
        Err(format!("{name} {path:?}: expected an absolute path"))
    }
}

fn timeout_from_environment(
    script: HaScript,
    variables: &EnvironmentVariables,
) -> Result<Duration, String> {
    const NAME: &str = "MZ_HA_TIMEOUT";
    let Some(text) = variables.get(OsStr::new(NAME)).filter(|text| !text.is_empty()) else {
        return Ok(script.default_timeout());
    };
    let seconds =
        text.to_str().and_then(|text| text.parse().ok()).filter(|n| (10..=86400).contains(n));
    seconds
        .map(Duration::from_secs)
        .ok_or(format!("{NAME} {text}: expected 10 to 86400 seconds", text = text.display()))
}

fn parameters_from_environment(variables: &EnvironmentVariables) -> BTreeMap<String, String> {
    let named = variables.iter().filter_map(|(name, value)| {
        let name = name.to_str()?.strip_prefix("OCF_RESKEY_")?;
        // How a cluster calls its operation is no parameter.
        let is_one =
            !name.starts_with("CRM_meta_") && name != "crm_feature_set" && !value.is_empty();
        is_one.then(|| (name.to_owned(), value.to_string_lossy().into_owned()))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str], variables: &[(&str, &str)]) -> Result<HaScriptCall, UsageError> {
        let variables =
            variables.iter().map(|(n, v)| (OsString::from(n), OsString::from(v))).collect();
        HaScriptCall::parse(words.iter().map(OsString::from), &variables)
    }

    #[test]
    fn script_name_comes_from_link_or_first_argument() {
        let by_link = parse(&["/etc/x/online", "/jdk", "/opt/mz", "mzadmin", "ec1"], &[]).unwrap();
        let by_word =
            parse(&["mz-ha-scripts", "online", "/jdk", "/opt/mz", "mzadmin", "ec1"], &[]).unwrap();
        assert_eq!(by_link, by_word);
        let HaScriptCall::Change { change, installation, pico } = by_link else { panic!() };
        assert_eq!((change, pico.as_str()), (HaAction::Online, "ec1"));
        assert_eq!(installation.timeout, Duration::from_secs(420));
    }

    #[test]
    fn monitor_optional_arguments_may_be_omitted() {
        let monitor = |more: &[&str]| {
            let words = [&["monitor", "/jdk", "/opt/mz", "mzadmin", "26000"], more].concat();
            match parse(&words, &[]) {
                Ok(HaScriptCall::Monitor { host, seconds, debug, .. }) => (host, seconds, debug),
                other => panic!("{other:?}"),
            }
        };
        let host = || Some("10.0.0.1".to_owned());
        assert_eq!(monitor(&[]), (None, None, false));
        assert_eq!(monitor(&["debug"]), (None, None, true));
        assert_eq!(monitor(&["10.0.0.1"]), (host(), None, false));
        assert_eq!(monitor(&["10.0.0.1", "debug"]), (host(), None, true));
        assert_eq!(monitor(&["10.0.0.1", "5", "debug"]), (host(), Some(5), true));
        // As a script of the site's own has them that sets no such variable.
        assert_eq!(monitor(&["", "", "debug"]), (None, None, true));
    }

    #[test]
    fn invalid_arguments_are_refused_with_what_was_expected() {
        let good = ["monitor", "/jdk", "/opt/mz", "mzadmin", "26000", "h", "5", "debug"];
        assert!(parse(&good, &[]).is_ok());
        for length in 1..5 {
            assert!(
                matches!(parse(&good[..length], &[]), Err(UsageError::Invalid { .. })),
                "{length}"
            );
        }
        for (at, word) in [
            (1, "jdk"),
            (2, ""),
            (3, ""),
            (4, "0"),
            (4, "70000"),
            (4, "ec1"),
            (6, "0"),
            (6, "s"),
            (7, "x"),
        ] {
            let mut bad = good;
            bad[at] = word;
            let Err(UsageError::Invalid { script, why }) = parse(&bad, &[]) else {
                panic!("{bad:?}")
            };
            assert_eq!(script, Some(HaScript::Monitor));
            assert!(why.contains(&format!("{word:?}")) || why.ends_with("is empty"), "{why}");
        }
        for pico in ["-f", "../ec1", "", "ec 1"] {
            assert!(parse(&["clean", "/jdk", "/opt/mz", "mzadmin", pico], &[]).is_err(), "{pico}");
        }
        assert!(parse(&["clean", "/jdk", "/opt/mz", "mzadmin", "ec1", "ec2"], &[]).is_err());
        assert_eq!(
            parse(&["mz-ha-scripts", "start"], &[]),
            Err(UsageError::Invalid { script: None, why: "unknown script start".into() })
        );
    }

    #[test]
    fn environment_gives_timeout_and_further_parameters() {
        let words = ["clean", "/jdk", "/opt/mz", "mzadmin", "ec1"];
        let set = [
            ("OCF_RESKEY_container", "c1"),
            ("OCF_RESKEY_CRM_meta_timeout", "5"),
            ("MZ_HA_TIMEOUT", "30"),
            ("PATH", "/bin"),
        ];
        let call = parse(&words, &set).unwrap();
        assert_eq!(call.installation().timeout, Duration::from_secs(30));
        assert_eq!(
            call.installation().parameters,
            [("container".to_owned(), "c1".to_owned())].into()
        );
        for bad in ["9", "86401", "soon", "-1"] {
            assert!(parse(&words, &[("MZ_HA_TIMEOUT", bad)]).is_err(), "{bad}");
        }
    }
}
