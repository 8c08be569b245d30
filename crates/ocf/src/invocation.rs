//! One call of an agent: arguments and environment, read once.
//!
//! Nearly everything is optional. Pacemaker gives no interval to a probe and none to a start; `crm_resource --force-*`
//! gives no node; `crm ra validate` gives the parameters and nothing else; `ocf-tester` gives an interval even where
//! it means a probe; a person gives nothing at all. Nothing here fails, nothing panics, whatever the bytes.

use crate::parameter::ParameterValues;
use crate::{Action, Deadline, Definition, encode_instance_name, exit_reason};
use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};

/// Time for an action that has neither an operation's timeout nor an advised one: Pacemaker's own default.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// How the caller wants text on stdout (`OCF_OUTPUT_FORMAT`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFormat {
    /// For people; also what counts when nothing or something unknown is asked for.
    #[default]
    Text,
    /// For a tool. Note that `crm_resource` hides an agent's stderr when its stdout is XML.
    Xml,
}

/// What kind of clone a resource is an instance of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloneKind {
    /// At most one instance on each node, and all are alike.
    Anonymous,
    /// Each instance is something of its own, and a node may have several.
    GloballyUnique,
}

/// What the agent is called for, and with what.
#[derive(Clone, Debug)]
pub struct Invocation {
    action: Action,
    instance: String,
    has_instance_name: bool,
    resource_type: String,
    provider: Option<String>,
    node: Option<String>,
    role: Option<String>,
    operation: Option<String>,
    clone: Option<String>,
    globally_unique: bool,
    check_level: Option<u32>,
    interval: Option<Duration>,
    timeout: Option<Duration>,
    deadline: Deadline,
    output_format: OutputFormat,
    reason_prefix: String,
    fail_have_binary: bool,
    values: ParameterValues,
    pub(crate) logging: LogVariables,
}

/// The variables that say where log lines go; read by [`crate::log`].
#[derive(Clone, Debug, Default)]
pub(crate) struct LogVariables {
    pub(crate) facility: Option<String>,
    pub(crate) file: Option<OsString>,
    pub(crate) debug_file: Option<OsString>,
    pub(crate) debug: bool,
    /// `OCF_TRACE_RA`, which `ocf-tester -X` sets; `trace_ra` does the same.
    pub(crate) trace: bool,
    /// `OCF_TRACE_FILE`; `trace_file` comes first.
    pub(crate) trace_file: Option<OsString>,
}

impl Invocation {
    /// From the variables of the environment, for an action that [`Action::parse`] found in the first argument. The
    /// deadline begins now.
    #[must_use]
    pub fn new(
        definition: &Definition,
        action: Action,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let started = Instant::now();
        let mut call = Self {
            action,
            instance: "default".to_owned(),
            has_instance_name: false,
            resource_type: definition.name.to_owned(),
            provider: None,
            node: None,
            role: None,
            operation: None,
            clone: None,
            globally_unique: false,
            check_level: None,
            interval: None,
            timeout: None,
            deadline: Deadline::new(started, Duration::ZERO),
            output_format: OutputFormat::Text,
            reason_prefix: exit_reason::PREFIX.to_owned(),
            fail_have_binary: false,
            values: ParameterValues::default(),
            logging: LogVariables::default(),
        };
        for (name, value) in variables {
            if let Some(name) = name.to_str()
                && !value.is_empty()
            {
                call.read_variable(name, value);
            }
        }
        let level = call.check_level.unwrap_or(0);
        let total = call.timeout.or_else(|| definition.advised_timeout(action, level));
        call.deadline = Deadline::new(started, total.unwrap_or(DEFAULT_TIMEOUT));
        call
    }

    /// `value` is not empty.
    fn read_variable(&mut self, name: &str, value: OsString) {
        if let Some(parameter) = name.strip_prefix("OCF_RESKEY_") {
            match parameter {
                "CRM_meta_timeout" => {
                    self.timeout = parse_millis(&value).filter(|timeout| !timeout.is_zero());
                }
                "CRM_meta_interval" => self.interval = parse_millis(&value),
                "CRM_meta_on_node" => self.node = sanitised_text(&value),
                "CRM_meta_role" => self.role = sanitised_text(&value),
                "CRM_meta_name" => self.operation = sanitised_text(&value),
                "CRM_meta_clone" => self.clone = sanitised_text(&value),
                "CRM_meta_globally_unique" => self.globally_unique = is_true(&value),
                _ if parameter.starts_with("CRM_meta_") || parameter == "crm_feature_set" => {}
                _ => self.values.insert(parameter, value),
            }
            return;
        }
        match name {
            "OCF_RESOURCE_INSTANCE" => {
                self.instance = encode_instance_name(&value);
                self.has_instance_name = true;
            }
            "OCF_RESOURCE_TYPE" => assign_text(&mut self.resource_type, &value),
            "OCF_RESOURCE_PROVIDER" => self.provider = sanitised_text(&value),
            "OCF_CHECK_LEVEL" => {
                self.check_level = parse_number(&value).and_then(|level| level.try_into().ok());
            }
            "OCF_OUTPUT_FORMAT" if value == "xml" => self.output_format = OutputFormat::Xml,
            "OCF_EXIT_REASON_PREFIX" => assign_text(&mut self.reason_prefix, &value),
            "OCF_TESTER_FAIL_HAVE_BINARY" => self.fail_have_binary = is_true(&value),
            "HA_LOGFACILITY" => self.logging.facility = sanitised_text(&value).filter(|name| name != "none"),
            "HA_LOGFILE" => self.logging.file = log_path(value),
            "HA_DEBUGLOG" => self.logging.debug_file = log_path(value),
            "HA_debug" => self.logging.debug = parse_number(&value).is_some_and(|level| level > 0),
            "OCF_TRACE_RA" => self.logging.trace = is_true(&value),
            "OCF_TRACE_FILE" => self.logging.trace_file = Some(value),
            _ => {}
        }
    }

    /// What is asked for.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// The resource's name in the cluster, with `:N` for an instance of a globally-unique clone; `default` when nobody says.
    /// It is as [`encode_instance_name`] gives it: names that differ in any byte differ here.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Does the caller say which resource it is? If not, nothing may be kept under the name: a person who calls two agents
    /// by hand would have them share it.
    #[must_use]
    pub fn has_instance_name(&self) -> bool {
        self.has_instance_name
    }

    /// The agent's type as the caller says it, else by the definition.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        &self.resource_type
    }

    /// The agent's provider, if the caller says it.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// The node, if the cluster calls.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }

    /// Which kind of clone it is an instance of, as far as the cluster says so; a person who calls an agent, and a tool that
    /// validates, do not.
    #[must_use]
    pub fn clone_kind(&self) -> Option<CloneKind> {
        // A meta attribute of a resource that is no clone means nothing.
        let kind = if self.globally_unique { CloneKind::GloballyUnique } else { CloneKind::Anonymous };
        self.clone.as_ref().map(|_number| kind)
    }

    /// `OCF_CHECK_LEVEL`; `None` when it is not set or no number.
    #[must_use]
    pub fn check_level(&self) -> Option<u32> {
        self.check_level
    }

    /// The interval of a recurring operation.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        self.interval.filter(|interval| !interval.is_zero())
    }

    /// The operation's timeout as the caller says it; [`deadline`](Self::deadline) always has an answer.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// From the reading of the environment to the operation's timeout, or to the advised one.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Is it a look without a history: a monitor without an interval, or an action by which people look?
    ///
    /// By a probe the cluster asks "is it here?", also on nodes where it should not be. What it fails with there can
    /// stop a healthy instance elsewhere.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        match self.action {
            Action::Monitor => self.interval().is_none(),
            Action::Status | Action::Explain => true,
            _ => false,
        }
    }

    /// Is "not running" what the caller wants to hear? Of a recurring monitor with `role=Stopped`, which Pacemaker runs where the resource is
    /// not active; and a probe that finds nothing is no failure either.
    #[must_use]
    pub fn expects_not_running(&self) -> bool {
        let is_stopped = self.role.as_deref().is_some_and(|role| role.eq_ignore_ascii_case("stopped"));
        self.is_probe() || self.action == Action::Monitor && is_stopped
    }

    /// Is it a recurring monitor that Pacemaker itself runs? (`ocf-tester` gives an interval, but names neither node
    /// nor operation.)
    #[must_use]
    pub fn is_recurring_monitor(&self) -> bool {
        self.action == Action::Monitor
            && self.interval().is_some()
            && self.node.is_some()
            && self.operation.is_some()
    }

    /// How text on stdout is wanted.
    #[must_use]
    pub fn output_format(&self) -> OutputFormat {
        self.output_format
    }

    /// What introduces the exit reason; also what must not stand anywhere else on stderr.
    #[must_use]
    pub fn reason_prefix(&self) -> &str {
        &self.reason_prefix
    }

    /// Does `ocf-tester` want to see what happens where the software is missing?
    #[must_use]
    pub fn pretend_not_installed(&self) -> bool {
        self.fail_have_binary
    }

    /// The parameters.
    #[must_use]
    pub fn values(&self) -> &ParameterValues {
        &self.values
    }
}

/// One line of it; blanks alone are as good as nothing.
fn sanitised_text(value: &OsStr) -> Option<String> {
    Some(exit_reason::sanitise(&value.to_string_lossy(), "")).filter(|text| !text.is_empty())
}

fn assign_text(field: &mut String, value: &OsStr) {
    if let Some(text) = sanitised_text(value) {
        *field = text;
    }
}

fn parse_number(value: &OsStr) -> Option<u64> {
    value.to_str()?.trim().parse().ok()
}

fn parse_millis(value: &OsStr) -> Option<Duration> {
    parse_number(value).map(Duration::from_millis)
}

fn is_true(value: &OsStr) -> bool {
    value.to_str().and_then(crate::parameter::boolean).unwrap_or(false)
}

fn log_path(value: OsString) -> Option<OsString> {
    (value != "none" && value != "/dev/null").then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Operation, Parameter};
    use proptest::prelude::*;
    use std::os::unix::ffi::OsStringExt;

    const PATH: Parameter = Parameter::text("path").describe("p", "p");
    const DEFINITION: Definition = Definition {
        name: "thing",
        version: "1",
        shortdesc: "t",
        longdesc: "t",
        parameters: &[PATH],
        operations: &[
            Operation::new(Action::Start, 420),
            Operation::monitor(0, 1, 60),
            Operation::monitor(10, 30, 90),
            Operation::monitor(20, 120, 210),
        ],
    };

    fn call(action: Action, variables: &[(&str, &str)]) -> Invocation {
        Invocation::new(&DEFINITION, action, variables.iter().map(|&(n, v)| (n.into(), v.into())))
    }

    fn recurring(interval: &str) -> Vec<(&'static str, String)> {
        vec![("OCF_RESKEY_CRM_meta_interval", interval.to_owned())]
    }

    #[test]
    fn monitor_with_role_stopped_expects_not_running() {
        let every = ("OCF_RESKEY_CRM_meta_interval", "11000");
        for (role, expected) in [("Stopped", true), ("stopped", true), ("Started", false), ("", false)] {
            let set = [every, ("OCF_RESKEY_CRM_meta_role", role)];
            assert_eq!(call(Action::Monitor, &set).expects_not_running(), expected, "{role}");
            assert!(!call(Action::Start, &set).expects_not_running());
        }
        assert!(!call(Action::Monitor, &[every]).expects_not_running());
        assert!(call(Action::Monitor, &[]).expects_not_running());
    }

    #[test]
    fn monitor_without_interval_is_a_probe() {
        for interval in ["0", "", "x", "-1"] {
            let set = recurring(interval);
            let set: Vec<_> = set.iter().map(|(n, v)| (*n, v.as_str())).collect();
            assert!(call(Action::Monitor, &set).is_probe(), "{interval}");
        }
        assert!(call(Action::Monitor, &[]).is_probe() && !call(Action::Start, &[]).is_probe());
        let tester = [("OCF_RESKEY_CRM_meta_interval", "10000")];
        assert!(!call(Action::Monitor, &tester).is_probe());
        assert!(!call(Action::Monitor, &tester).is_recurring_monitor());
        let cluster =
            [tester[0], ("OCF_RESKEY_CRM_meta_on_node", "n1"), ("OCF_RESKEY_CRM_meta_name", "monitor")];
        for missing in 0..cluster.len() {
            let mut set = cluster.to_vec();
            set.remove(missing);
            assert!(!call(Action::Monitor, &set).is_recurring_monitor(), "without {:?}", cluster[missing]);
        }
        assert!(call(Action::Monitor, &cluster).is_recurring_monitor());
        assert!(!call(Action::Start, &cluster).is_recurring_monitor());
    }

    #[test]
    fn deadline_follows_operation_timeout_else_advised_one_of_that_depth() {
        let total = |action, set: &[_]| call(action, set).deadline().timeout().as_millis();
        assert_eq!(total(Action::Start, &[("OCF_RESKEY_CRM_meta_timeout", "20000")]), 20_000);
        for bad in ["", "0", "x", "99999999999999999999999"] {
            assert_eq!(total(Action::Start, &[("OCF_RESKEY_CRM_meta_timeout", bad)]), 420_000, "{bad}");
        }
        for (level, expected) in
            [("0", 60_000), ("9", 60_000), ("10", 90_000), ("25", 210_000), ("x", 60_000)]
        {
            assert_eq!(total(Action::Monitor, &[("OCF_CHECK_LEVEL", level)]), expected, "{level}");
        }
        assert_eq!(total(Action::Status, &[]), 60_000);
        assert_eq!(total(Action::Stop, &[]), 20_000);
    }

    #[test]
    fn invocation_without_environment_has_defaults() {
        let call = call(Action::Monitor, &[]);
        assert_eq!((call.instance(), call.resource_type(), call.provider()), ("default", "thing", None));
        assert_eq!((call.check_level(), call.node(), call.timeout()), (None, None, None));
        assert_eq!(call.reason_prefix(), exit_reason::PREFIX);
        assert_eq!(call.values().iter().count(), 0);
    }

    #[test]
    fn pacemaker_meta_variables_are_not_parameters() {
        let call = call(
            Action::Start,
            &[
                ("OCF_RESKEY_crm_feature_set", "3.16.2"),
                ("OCF_RESKEY_CRM_meta_clone", "0"),
                ("OCF_RESKEY_path", "/x"),
                ("OCF_TESTER_FAIL_HAVE_BINARY", "1"),
                ("OCF_OUTPUT_FORMAT", "xml"),
            ],
        );
        assert_eq!(call.values().iter().collect::<Vec<_>>(), [("path", OsStr::new("/x"))]);
        assert!(call.pretend_not_installed());
        assert_eq!(call.output_format(), OutputFormat::Xml);
    }

    #[test]
    fn clone_kind_follows_pacemaker_meta_variables() {
        let kind = |set: &[_]| call(Action::Start, set).clone_kind();
        let number = ("OCF_RESKEY_CRM_meta_clone", "0");
        assert_eq!(kind(&[]), None);
        assert_eq!(kind(&[("OCF_RESKEY_CRM_meta_globally_unique", "true")]), None);
        assert_eq!(kind(&[number]), Some(CloneKind::Anonymous));
        for (value, expected) in [("false", CloneKind::Anonymous), ("true", CloneKind::GloballyUnique)] {
            assert_eq!(kind(&[number, ("OCF_RESKEY_CRM_meta_globally_unique", value)]), Some(expected));
        }
    }

    proptest! {
        #[test]
        fn invocation_survives_any_bytes_in_any_variable(
            names in prop::collection::vec("(OCF|OCF_RESKEY|OCF_RESKEY_CRM_meta|HA)_[a-zA-Z_]{0,12}|OCF_CHECK_LEVEL|HA_debug", 1..9),
            bytes in prop::collection::vec(1u8.., 0..40),
        ) {
            let set = names.into_iter().map(|name| (name.into(), OsString::from_vec(bytes.clone())));
            let call = Invocation::new(&DEFINITION, Action::Monitor, set);
            prop_assert!(!call.instance().is_empty() && !call.reason_prefix().is_empty());
            prop_assert!(call.deadline().timeout() > Duration::ZERO);
        }
    }
}
