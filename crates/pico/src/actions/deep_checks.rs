//! The deeper checks: the HA Monitor Server and `mzsh status`.

use crate::product::{
    HaAnswer, HaClient, HaMonitor, Inspection, Mzsh, RegistryState, StatusAnswer, Verb, inspect,
    listens,
};
use crate::record::{self, HaFacts, InstanceRecord};
use crate::settings::{Endpoint, HaCheck, PicoInstance, Settings};
use host::{ProcessId, process, sleep_capped, worker};
use std::cell::RefCell;
use std::time::{Duration, Instant};

pub(super) const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The HA client and mzsh are JVMs: with less time than this they can't start and ask.
const MIN_TRY_TIME: Duration = Duration::from_secs(3);
/// The default grace is one interval of the HA Monitor Server plus this.
const GRACE_BEYOND_INTERVAL: Duration = Duration::from_secs(20);
/// `mz.ha.interval` in seconds, if the registry is unknown.
const DEFAULT_HA_INTERVAL: u64 = 40;
/// Longest wait for the Platform's RCP port.
const PLATFORM_TIMEOUT: Duration = Duration::from_secs(3);

/// Whether and where to ask the HA Monitor Server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HaCheckPlan {
    Off,
    Ask(Endpoint),
    /// It should be asked but can't; the reason.
    CannotAsk(String),
}

impl HaCheckPlan {
    /// `facts` is an error if the registry could not be read.
    pub(super) fn from_settings(settings: &Settings, facts: Result<&HaFacts, String>) -> Self {
        if settings.ha_check == HaCheck::No {
            return Self::Off;
        }
        Self::from_parameters(
            (settings.ha_check, settings.ha_host.as_deref(), settings.ha_port),
            facts,
        )
    }

    fn from_parameters(
        (check, host, port): (HaCheck, Option<&str>, Option<u16>),
        facts: Result<&HaFacts, String>,
    ) -> Self {
        let registered = || match &facts {
            Ok(facts) => facts.host.clone(),
            Err(_) => HaFacts::default_host(),
        };
        let host = host.map(str::to_owned).or_else(registered);
        let port = port.or_else(|| facts.as_ref().ok()?.endpoint.as_ref().map(|e| e.port));
        match (check, facts, host.zip(port)) {
            (HaCheck::Auto, Ok(HaFacts { enabled: false, unclear: None, .. }), _) => Self::Off,
            // `auto` needs to know that it is enabled.
            (check, facts, Some((host, port)))
                if check == HaCheck::Yes || facts.as_ref().is_ok_and(|f| f.enabled) =>
            {
                Self::Ask(Endpoint::on_this_node(&host, port))
            }
            (_, Ok(HaFacts { unclear: Some(why), .. }), _) => Self::CannotAsk(why.clone()),
            (_, Ok(_), _) => {
                Self::CannotAsk("mz.ha.port is not set for it, nor ha_port".to_owned())
            }
            (_, Err(why), _) => Self::CannotAsk(why),
        }
    }
}

/// The age up to which a FAILED by thresholds does not count.
pub(super) fn ha_grace(settings: &Settings, facts: Option<&HaFacts>) -> Duration {
    settings.ha_grace.unwrap_or_else(|| {
        Duration::from_secs(facts.map_or(DEFAULT_HA_INTERVAL, |f| f.interval))
            + GRACE_BEYOND_INTERVAL
    })
}

/// Stores the endpoints of the registry and the resolved home in the record.
pub(super) fn store_registry_facts(
    record: &mut InstanceRecord,
    inspection: &Inspection,
) -> Result<(), String> {
    record.set_resolved_home(inspection.resolved.clone());
    match &inspection.registry {
        RegistryState::Defined(facts) => {
            record.ha = Some(facts.ha.clone());
            record.platform.clone_from(&facts.platform);
            Ok(())
        }
        RegistryState::NotActivated { .. } => {
            Err("the registry has it, but it is not activated".to_owned())
        }
        RegistryState::Undefined { .. } => Err("the registry has no such pico".to_owned()),
        RegistryState::Ambiguous { containers } => {
            Err(format!("several containers have it ({}): set container", containers.join(", ")))
        }
        RegistryState::Unreadable(why) => Err(format!("the registry can't be read: {why}")),
    }
}

/// Takes the endpoint from the record. If it has none, inspects the installation and stores the result.
pub(super) fn ha_check_plan(
    settings: &Settings,
    target: &PicoInstance,
    record: &mut InstanceRecord,
    until: Instant,
) -> HaCheckPlan {
    if settings.ha_check == HaCheck::No {
        return HaCheckPlan::Off;
    }
    // An unclear property may have been corrected since.
    if record.ha.as_ref().is_none_or(|ha| ha.unclear.is_some()) {
        let learned = match inspect(settings, target, until) {
            Ok(inspection) => store_registry_facts(record, &inspection),
            Err(e) => Err(e.to_string()),
        };
        if let Err(why) = learned {
            return HaCheckPlan::from_settings(settings, Err(why));
        }
    }
    HaCheckPlan::from_settings(
        settings,
        record.ha.as_ref().ok_or_else(|| "the registry was not read".to_owned()),
    )
}

/// Asks the HA Monitor Server, with retries.
pub(super) fn ask_ha(
    settings: &Settings,
    target: &PicoInstance,
    jvm: ProcessId,
    plan: HaCheckPlan,
    record: &mut InstanceRecord,
    until: Instant,
) -> Option<HaAnswer> {
    let endpoint = match plan {
        HaCheckPlan::Off => return None,
        HaCheckPlan::CannotAsk(why) => return Some(HaAnswer::NotAsked(why)),
        HaCheckPlan::Ask(endpoint) => endpoint,
    };
    let monitor = HaClient { settings, target, endpoint: endpoint.clone(), jvm };
    let answer =
        ask_ha_with_retries(&monitor, settings.ha_timeout, settings.monitor_retries, until);
    let has_listened = has_listened(target, record, jvm, &endpoint, &answer, until);
    Some(match answer {
        HaAnswer::NoAnswer(why) | HaAnswer::Unreadable(why) | HaAnswer::Failed(why)
            if !has_listened =>
        {
            let is_young = process::process_age(jvm) < ha_grace(settings, record.ha.as_ref());
            let todo = if is_young {
                "it may be coming up"
            } else {
                "restart the pico to make it effective"
            };
            HaAnswer::NeverListened(format!(
                "{jvm} was never seen to listen on {endpoint} ({why}): {todo}"
            ))
        }
        answer => answer,
    })
}

/// Whether this JVM has ever listened on `endpoint`. The record remembers it.
pub(super) fn has_listened(
    target: &PicoInstance,
    record: &mut InstanceRecord,
    jvm: ProcessId,
    endpoint: &Endpoint,
    answer: &HaAnswer,
    until: Instant,
) -> bool {
    if record.listened.contains(endpoint) {
        return true;
    }
    // FAILED proves nothing: some clients also print it when they can't connect.
    let is_seen = *answer == HaAnswer::Ok
        || listens(endpoint, jvm.pid, until) == Some(true)
        // A call without a resource has no record: another resource may manage the pico.
        || record::of_pico(target).iter().any(|r| r.jvm() == Some(jvm) && r.listened.contains(endpoint));
    if is_seen {
        record.listened.push(endpoint.clone());
    }
    is_seen
}

/// The endpoint of the current registry, if the running JVM does not listen on it.
#[must_use]
pub fn not_listening(
    settings: &Settings,
    facts: &HaFacts,
    jvm: ProcessId,
    until: Instant,
) -> Option<Endpoint> {
    match HaCheckPlan::from_settings(settings, Ok(facts)) {
        HaCheckPlan::Ask(endpoint) => {
            (listens(&endpoint, jvm.pid, until) == Some(false)).then_some(endpoint)
        }
        HaCheckPlan::Off | HaCheckPlan::CannotAsk(_) => None,
    }
}

/// A retry whose client timed out before it asked does not replace an earlier missing answer.
fn ask_ha_with_retries(
    monitor: &impl HaMonitor,
    limit: Duration,
    retries: u32,
    until: Instant,
) -> HaAnswer {
    let silent = RefCell::new(None);
    let ask = || {
        let answer = monitor.ask(limit, until);
        if matches!(answer, HaAnswer::NoAnswer(_) | HaAnswer::Unreadable(_)) {
            silent.replace(Some(answer.clone()));
        }
        answer
    };
    let settled = |answer: &HaAnswer| {
        matches!(answer, HaAnswer::Ok | HaAnswer::Failed(_) | HaAnswer::NotAsked(_))
    };
    match with_retries(retries, until, ask, settled) {
        HaAnswer::ClientTimedOut(why) => silent.take().unwrap_or(HaAnswer::ClientTimedOut(why)),
        answer => answer,
    }
}

/// Runs `mzsh status`, with retries.
pub(super) fn ask_mzsh_status(
    settings: &Settings,
    target: &PicoInstance,
    until: Instant,
) -> StatusAnswer {
    let mzsh = Mzsh::new(settings, target);
    let ask =
        || match mzsh.run_to_end(Verb::Status, until.min(Instant::now() + settings.mzsh_timeout)) {
            Ok(finished) => StatusAnswer::from_finished(&finished),
            Err(e) => StatusAnswer::NotAsked(e.to_string()),
        };
    with_retries(settings.monitor_retries, until, ask, |answer| {
        matches!(
            answer,
            StatusAnswer::Running | StatusAnswer::WithoutPlatform | StatusAnswer::NotAsked(_)
        )
    })
}

/// Whether the Platform's RCP port accepts connections. `None`: its address is unknown.
pub(super) fn platform_answers(record: &InstanceRecord, until: Instant) -> Option<bool> {
    let endpoint = record.platform.clone()?;
    let until = until.min(Instant::now() + PLATFORM_TIMEOUT);
    let said = worker::run_in_child(until, || {
        vec![u8::from(host::addresses::connect(&endpoint.host, endpoint.port, until).is_ok())]
    });
    Some(said.is_ok_and(|said| said == [1]))
}

fn with_retries<A>(
    retries: u32,
    until: Instant,
    ask: impl Fn() -> A,
    settled: impl Fn(&A) -> bool,
) -> A {
    let mut left = retries;
    loop {
        let answer = ask();
        if settled(&answer) || left == 0 || Instant::now() + RETRY_INTERVAL + MIN_TRY_TIME >= until
        {
            return answer;
        }
        left -= 1;
        sleep_capped(RETRY_INTERVAL, until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Answers in order, then repeats the last answer.
    struct ScriptedHaMonitor(Vec<HaAnswer>, Cell<usize>);

    impl HaMonitor for ScriptedHaMonitor {
        fn ask(&self, _: Duration, _: Instant) -> HaAnswer {
            let at = self.1.get();
            self.1.set(at + 1);
            self.0[at.min(self.0.len() - 1)].clone()
        }
    }

    fn ask_script(script: &[HaAnswer], retries: u32) -> (HaAnswer, usize) {
        let monitor = ScriptedHaMonitor(script.to_vec(), Cell::new(0));
        let until = Instant::now() + Duration::from_secs(60);
        let answer = ask_ha_with_retries(&monitor, Duration::from_secs(1), retries, until);
        (answer, monitor.1.get())
    }

    #[test]
    fn ha_port_parameter_is_combined_with_host_of_the_registry() {
        let there = |host: &str| HaCheckPlan::Ask(Endpoint { host: host.to_owned(), port: 26001 });
        let facts = HaFacts {
            enabled: true,
            host: Some("10.0.0.5".into()),
            interval: 40,
            ..HaFacts::default()
        };
        for check in [HaCheck::Auto, HaCheck::Yes] {
            let at = |host, facts: &HaFacts| {
                HaCheckPlan::from_parameters((check, host, Some(26001)), Ok(facts))
            };
            assert_eq!(at(None, &facts), there("10.0.0.5"), "without mz.ha.port");
            let everywhere = HaFacts { host: Some("0.0.0.0".into()), ..facts.clone() };
            assert_eq!(at(None, &everywhere), there("127.0.0.1"));
            let unclear =
                HaFacts { host: None, unclear: Some("mz.ha.host: no".into()), ..facts.clone() };
            assert_eq!(at(None, &unclear), HaCheckPlan::CannotAsk("mz.ha.host: no".into()));
            assert_eq!(at(Some("10.0.0.6"), &unclear), there("10.0.0.6"));
        }
        let unread = || Err("no registry".to_owned());
        assert_eq!(
            HaCheckPlan::from_parameters((HaCheck::Yes, None, Some(26001)), unread()),
            there("127.0.0.1")
        );
    }

    #[test]
    fn ha_check_retries_only_missing_answers_and_keeps_the_first() {
        let failed = || HaAnswer::Failed("max_aborts".into());
        let silent = || HaAnswer::NoAnswer("refused".into());
        let garbage = || HaAnswer::Unreadable("no text".into());
        let missing = || HaAnswer::NotAsked("no java".into());
        let absent = || HaAnswer::ClientTimedOut("overloaded".into());
        for settled in [HaAnswer::Ok, failed(), missing()] {
            assert_eq!(ask_script(&[settled.clone(), silent()], 1), (settled, 1));
        }
        assert_eq!(ask_script(&[silent(), HaAnswer::Ok], 1), (HaAnswer::Ok, 2));
        assert_eq!(ask_script(&[garbage(), absent()], 1), (garbage(), 2));
        assert_eq!(ask_script(&[absent(), failed()], 1), (failed(), 2));
        assert_eq!(ask_script(&[silent()], 0), (silent(), 1));
    }
}
