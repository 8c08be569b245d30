//! One call of an agent: its arguments and its environment, read once.
//!
//! Almost every variable is optional. Pacemaker passes no interval to a probe or a start.
//! `crm_resource --force-*` passes no node. `crm ra validate` passes only the parameters.
//! `ocf-tester` passes an interval even with a probe. A person passes nothing. Parsing never fails
//! or panics, whatever the bytes.

use crate::parameter::ParameterValues;
use crate::{Action, Deadline, Definition, encode_instance_name, exit_reason};
use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};

/// The timeout without an operation's timeout and without an advised one; it is Pacemaker's
/// default.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// The format of text on stdout that the caller wants (`OCF_OUTPUT_FORMAT`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFormat {
    /// Text for people; also the answer to a missing or unknown format.
    #[default]
    Text,
    /// XML for a tool. `crm_resource` hides an agent's stderr when its stdout is XML.
    Xml,
}

/// The kind of clone that a resource instance belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloneKind {
    /// Each node has at most one instance, and all instances are alike.
    Anonymous,
    /// Each instance is distinct, and a node may have several.
    GloballyUnique,
}

/// The call of an agent: action, parameters and the cluster's variables.
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

/// The variables of [`crate::log`].
#[derive(Clone, Debug, Default)]
pub(crate) struct LogVariables {
    pub(crate) facility: Option<String>,
    pub(crate) file: Option<OsString>,
    pub(crate) debug_file: Option<OsString>,
    pub(crate) debug: bool,
    /// `OCF_TRACE_RA`, which `ocf-tester -X` sets; the parameter `trace_ra` does the same.
    pub(crate) trace: bool,
    /// `OCF_TRACE_FILE`; the parameter `trace_file` overrides it.
    pub(crate) trace_file: Option<OsString>,
}

impl Invocation {
    /// Reads the variables of an environment for an action from [`Action::parse`]. The deadline
    /// starts now.
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

    /// The caller skips empty values.
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
            "HA_LOGFACILITY" => {
                self.logging.facility = sanitised_text(&value).filter(|name| name != "none");
            }
            "HA_LOGFILE" => self.logging.file = log_path(value),
            "HA_DEBUGLOG" => self.logging.debug_file = log_path(value),
            "HA_debug" => self.logging.debug = parse_number(&value).is_some_and(|level| level > 0),
            "OCF_TRACE_RA" => self.logging.trace = is_true(&value),
            "OCF_TRACE_FILE" => self.logging.trace_file = Some(value),
            _ => {}
        }
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// The resource's name in the cluster, with `:N` for an instance of a globally unique clone. It
    /// is `default` if the caller names none. [`encode_instance_name`] encodes it, so names that
    /// differ in any byte differ here.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// True if the caller names the resource. Without a name no state may be kept under it: two
    /// agents that a person calls by hand would share that state.
    #[must_use]
    pub fn has_instance_name(&self) -> bool {
        self.has_instance_name
    }

    /// The agent's type as the caller names it, otherwise from the definition.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        &self.resource_type
    }

    /// The agent's provider, if the caller names it.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// The node's name; `None` if the caller is not the cluster.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }

    /// The kind of clone that the resource belongs to. `None` if it is no clone or the caller does
    /// not say: a person who calls an agent and a tool that validates do not.
    #[must_use]
    pub fn clone_kind(&self) -> Option<CloneKind> {
        // A meta attribute of a resource that is no clone has no effect.
        let kind =
            if self.globally_unique { CloneKind::GloballyUnique } else { CloneKind::Anonymous };
        self.clone.as_ref().map(|_number| kind)
    }

    /// `OCF_CHECK_LEVEL`; `None` if it is missing or not a number.
    #[must_use]
    pub fn check_level(&self) -> Option<u32> {
        self.check_level
    }

    /// The interval of a recurring operation.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        self.interval.filter(|interval| !interval.is_zero())
    }

    /// The operation's timeout from the caller; `None` if it passes none.
    /// [`deadline`](Self::deadline) always exists.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The deadline. It starts when the environment is read and lasts the operation's timeout,
    /// otherwise the advised one.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// True for a probe: a monitor without an interval, or an action that a person runs to look.
    ///
    /// The cluster probes also nodes where the resource should not run. The failure of a probe can
    /// stop a healthy instance elsewhere.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        match self.action {
            Action::Monitor => self.interval().is_none(),
            Action::Status | Action::Explain => true,
            _ => false,
        }
    }

    /// True if the caller expects "not running". This holds for a recurring monitor with
    /// `role=Stopped`, which Pacemaker runs where the resource is not active. It also holds for a
    /// probe, where "not running" is no failure.
    #[must_use]
    pub fn expects_not_running(&self) -> bool {
        let is_stopped =
            self.role.as_deref().is_some_and(|role| role.eq_ignore_ascii_case("stopped"));
        self.is_probe() || self.action == Action::Monitor && is_stopped
    }

    /// True for a recurring monitor that Pacemaker itself runs. `ocf-tester` passes an interval,
    /// but neither node nor operation.
    #[must_use]
    pub fn is_recurring_monitor(&self) -> bool {
        self.action == Action::Monitor
            && self.interval().is_some()
            && self.node.is_some()
            && self.operation.is_some()
    }

    /// The format of text on stdout.
    #[must_use]
    pub fn output_format(&self) -> OutputFormat {
        self.output_format
    }

    /// The prefix of the exit reason. It must not occur anywhere else on stderr.
    #[must_use]
    pub fn reason_prefix(&self) -> &str {
        &self.reason_prefix
    }

    /// True if `ocf-tester` asks for the behaviour without the software
    /// (`OCF_TESTER_FAIL_HAVE_BINARY`).
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

/// The value as one sanitised line; `None` if it is empty or blank.
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
        for (role, expected) in
            [("Stopped", true), ("stopped", true), ("Started", false), ("", false)]
        {
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
        let cluster = [
            tester[0],
            ("OCF_RESKEY_CRM_meta_on_node", "n1"),
            ("OCF_RESKEY_CRM_meta_name", "monitor"),
        ];
        for missing in 0..cluster.len() {
            let mut set = cluster.to_vec();
            set.remove(missing);
            assert!(
                !call(Action::Monitor, &set).is_recurring_monitor(),
                "without {:?}",
                cluster[missing]
            );
        }
        assert!(call(Action::Monitor, &cluster).is_recurring_monitor());
        assert!(!call(Action::Start, &cluster).is_recurring_monitor());
    }

    #[test]
    fn deadline_follows_operation_timeout_else_advised_one_of_that_depth() {
        let total = |action, set: &[_]| call(action, set).deadline().timeout().as_millis();
        assert_eq!(total(Action::Start, &[("OCF_RESKEY_CRM_meta_timeout", "20000")]), 20_000);
        for bad in ["", "0", "x", "99999999999999999999999"] {
            assert_eq!(
                total(Action::Start, &[("OCF_RESKEY_CRM_meta_timeout", bad)]),
                420_000,
                "{bad}"
            );
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
        assert_eq!(
            (call.instance(), call.resource_type(), call.provider()),
            ("default", "thing", None)
        );
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
        for (value, expected) in
            [("false", CloneKind::Anonymous), ("true", CloneKind::GloballyUnique)]
        {
            assert_eq!(
                kind(&[number, ("OCF_RESKEY_CRM_meta_globally_unique", value)]),
                Some(expected)
            );
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
