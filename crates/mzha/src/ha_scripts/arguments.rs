//! The arguments, as the product's scripts take them. Pure.

use super::Variables;
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

/// One of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Monitor,
    Change(Change),
}

/// One that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Online,
    Offline,
    Clean,
}

impl Script {
    fn named(name: &OsStr) -> Option<Self> {
        match name.to_str()? {
            "monitor" => Some(Self::Monitor),
            "online" => Some(Self::Change(Change::Online)),
            "offline" => Some(Self::Change(Change::Offline)),
            "clean" => Some(Self::Change(Change::Clean)),
            _ => None,
        }
    }

    /// What it may take unless the environment says otherwise: what the agents advise for the same action, and for clean what
    /// signals need.
    fn time(self) -> Duration {
        Duration::from_secs(match self {
            Self::Monitor => 60,
            Self::Change(Change::Online) => 420,
            Self::Change(Change::Offline) => 360,
            Self::Change(Change::Clean) => 120,
        })
    }
}

/// What all four are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installation {
    pub(super) java_home: String,
    pub(super) mz_home: String,
    pub(super) user: String,
    /// From the environment.
    pub(super) parameters: BTreeMap<String, String>,
    /// What the script may take.
    pub(super) time: Duration,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// How is the pico whose HA Monitor Server has this port?
    Monitor { installation: Installation, port: u16, host: Option<String>, seconds: Option<u32>, debug: bool },
    /// Have it changed.
    Change { change: Change, installation: Installation, pico: PicoName },
}

/// Why there is no call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The version is asked for.
    Version,
    /// The usage is asked for.
    Help,
    /// It can't be understood; of which script, where that is known.
    Use { script: Option<Script>, why: String },
}

impl Call {
    /// From the words, of which the first is the program's name.
    pub(super) fn read(
        words: impl IntoIterator<Item = OsString>,
        variables: &Variables,
    ) -> Result<Self, Wrong> {
        let mut words = words.into_iter();
        let called = words.next().unwrap_or_default();
        let script = Path::new(&called).file_name().and_then(Script::named);
        let script = match script {
            Some(script) => script,
            None => match words.next() {
                None => return Err(Wrong::Use { script: None, why: "which script?".to_owned() }),
                Some(word) if word == "--version" => return Err(Wrong::Version),
                Some(word) if word == "--help" || word == "-h" => return Err(Wrong::Help),
                Some(word) => Script::named(&word).ok_or_else(|| Wrong::Use {
                    script: None,
                    why: format!("there is no script {}", word.display()),
                })?,
            },
        };
        let words: Result<Vec<String>, _> = words.map(OsString::into_string).collect();
        words
            .map_err(|word| format!("{} is not UTF-8", word.display()))
            .and_then(|words| Self::of(script, words, variables))
            .map_err(|why| Wrong::Use { script: Some(script), why })
    }

    fn of(script: Script, words: Vec<String>, variables: &Variables) -> Result<Self, String> {
        let mut words = words.into_iter();
        let mut next = |name: &str| words.next().ok_or_else(|| format!("{name} is missing"));
        let installation = Installation {
            java_home: absolute("JAVA_HOME", next("JAVA_HOME")?)?,
            mz_home: absolute("MZ_HOME", next("MZ_HOME")?)?,
            user: next("USER")
                .and_then(|user| if user.is_empty() { Err("USER is empty".into()) } else { Ok(user) })?,
            parameters: parameters(variables),
            time: time(script, variables)?,
        };
        if let Script::Change(change) = script {
            let pico = next("PICO")?;
            let pico = pico.parse().map_err(|expected| format!("PICO {pico:?}: expected {expected}"))?;
            return match words.next() {
                None => Ok(Self::Change { change, installation, pico }),
                Some(word) => Err(format!("what is {word:?}?")),
            };
        }
        let port = next("HA_PORT")?;
        let port =
            port.parse().ok().filter(|&p| p != 0).ok_or(format!("HA_PORT {port:?}: expected 1 to 65535"))?;
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
            None => Ok(Self::Monitor { installation, port, host, seconds: seconds.transpose()?, debug }),
            Some(word) => Err(format!("what is {word:?}?")),
        }
    }

    pub(super) fn installation(&self) -> &Installation {
        match self {
            Self::Monitor { installation, .. } | Self::Change { installation, .. } => installation,
        }
    }
}

fn absolute(name: &str, path: String) -> Result<String, String> {
    if Path::new(&path).is_absolute() {
        Ok(path)
    } else {
        Err(format!("{name} {path:?}: expected an absolute path"))
    }
}

fn time(script: Script, variables: &Variables) -> Result<Duration, String> {
    const NAME: &str = "MZ_HA_TIMEOUT";
    let Some(text) = variables.get(OsStr::new(NAME)).filter(|text| !text.is_empty()) else {
        return Ok(script.time());
    };
    let seconds = text.to_str().and_then(|text| text.parse().ok()).filter(|n| (10..=86400).contains(n));
    seconds
        .map(Duration::from_secs)
        .ok_or(format!("{NAME} {text}: expected 10 to 86400 seconds", text = text.display()))
}

/// What arguments have no place for.
fn parameters(variables: &Variables) -> BTreeMap<String, String> {
    let named = variables.iter().filter_map(|(name, value)| {
        let name = name.to_str()?.strip_prefix("OCF_RESKEY_")?;
        // How a cluster calls its operation is no parameter.
        let is_one = !name.starts_with("CRM_meta_") && name != "crm_feature_set" && !value.is_empty();
        is_one.then(|| (name.to_owned(), value.to_string_lossy().into_owned()))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str], variables: &[(&str, &str)]) -> Result<Call, Wrong> {
        let variables = variables.iter().map(|(n, v)| (OsString::from(n), OsString::from(v))).collect();
        Call::read(words.iter().map(OsString::from), &variables)
    }

    #[test]
    fn the_name_of_the_link_and_the_first_argument_say_the_same() {
        let by_link = read(&["/etc/x/online", "/jdk", "/opt/mz", "mzadmin", "ec1"], &[]).unwrap();
        let by_word = read(&["mz-ha-scripts", "online", "/jdk", "/opt/mz", "mzadmin", "ec1"], &[]).unwrap();
        assert_eq!(by_link, by_word);
        let Call::Change { change, installation, pico } = by_link else { panic!() };
        assert_eq!((change, pico.as_str()), (Change::Online, "ec1"));
        assert_eq!(installation.time, Duration::from_secs(420));
    }

    #[test]
    fn what_may_be_left_out_of_monitor_may_be_left_out() {
        let monitor = |more: &[&str]| {
            let words = [&["monitor", "/jdk", "/opt/mz", "mzadmin", "26000"], more].concat();
            match read(&words, &[]) {
                Ok(Call::Monitor { host, seconds, debug, .. }) => (host, seconds, debug),
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
    fn what_cant_be_meant_is_refused_with_what_was_expected() {
        let good = ["monitor", "/jdk", "/opt/mz", "mzadmin", "26000", "h", "5", "debug"];
        assert!(read(&good, &[]).is_ok());
        for length in 1..5 {
            assert!(matches!(read(&good[..length], &[]), Err(Wrong::Use { .. })), "{length}");
        }
        for (at, word) in
            [(1, "jdk"), (2, ""), (3, ""), (4, "0"), (4, "70000"), (4, "ec1"), (6, "0"), (6, "s"), (7, "x")]
        {
            let mut bad = good;
            bad[at] = word;
            let Err(Wrong::Use { script, why }) = read(&bad, &[]) else { panic!("{bad:?}") };
            assert_eq!(script, Some(Script::Monitor));
            assert!(why.contains(&format!("{word:?}")) || why.ends_with("is empty"), "{why}");
        }
        for pico in ["-f", "../ec1", "", "ec 1"] {
            assert!(read(&["clean", "/jdk", "/opt/mz", "mzadmin", pico], &[]).is_err(), "{pico}");
        }
        assert!(read(&["clean", "/jdk", "/opt/mz", "mzadmin", "ec1", "ec2"], &[]).is_err());
        assert_eq!(
            read(&["mz-ha-scripts", "start"], &[]),
            Err(Wrong::Use { script: None, why: "there is no script start".into() })
        );
    }

    #[test]
    fn variables_give_the_time_and_what_arguments_have_no_place_for() {
        let words = ["clean", "/jdk", "/opt/mz", "mzadmin", "ec1"];
        let set = [
            ("OCF_RESKEY_container", "c1"),
            ("OCF_RESKEY_CRM_meta_timeout", "5"),
            ("MZ_HA_TIMEOUT", "30"),
            ("PATH", "/bin"),
        ];
        let call = read(&words, &set).unwrap();
        assert_eq!(call.installation().time, Duration::from_secs(30));
        assert_eq!(call.installation().parameters, [("container".to_owned(), "c1".to_owned())].into());
        for bad in ["9", "86401", "soon", "-1"] {
            assert!(read(&words, &[("MZ_HA_TIMEOUT", bad)]).is_err(), "{bad}");
        }
    }
}
