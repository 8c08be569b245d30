//! Prints the verdict tables of docs/evidence/behaviour.md: each row is evidence, put to the function that judges it.

use std::time::{Duration, SystemTime};

use devtools::markdown::table;
use host::{Pid, ProcessId};
use ocf::ExitCode;
use pico::product::{HaAnswer, StatusAnswer};
use pico::verdict::{
    Liveness, MonitorKind, Observation, PicoPresence, Policy, Verdict, VerdictKind, judge,
};
use pico::{OnHaFailed, PicoType};

const HEAD: &str = "\
## Is it running?

The truth is in /proc. A process is the pico by its installation and its exact name. Nothing that a command says makes it live or \
dead. \"Not running\" (7) is said only when a look at every process of the node found neither the pico, nor a startup of it, nor \
anything that could be it. A probe asks only whether it runs here. Where a column says \
\"1, unless tolerated\", the first `failures_tolerated` failures in a row are still 0 with a warning, and a check that got no answer was \
made `monitor_retries` times more before. A \
warning is a line in the log; with `degraded=yes` it is answered with 190 from the second time on. A check that could not be made says \
nothing of the pico; from the `unchecked_limit`th run in a row on the reason is why, and since when it has not been checked. The reason is what `pcs status` \
shows (example: `platform`, or `ec1`, pid 4711).
";

const EXIT_CODES: &str = "\
## Exit codes

A probe never answers 2 to 6, and no monitor does for the state of its node: these codes ban the node, \
or stop the resource everywhere.
";

/// What is seen, in words; the evidence; and whose pico under which parameters.
struct VerdictRow {
    description: &'static str,
    observation: Observation,
    policy: Policy,
}

fn main() {
    print!("{}", sections());
}

/// The two sections that the code decides.
fn sections() -> String {
    let heads = ["what is seen", "recurring monitor", "probe", "reason, or warning in the log"];
    let verdicts = table(&heads, rows().into_iter().map(cells));
    let heads = ["code", "start", "stop", "monitor", "probe", "validate-all", "reload-agent"];
    [HEAD, &verdicts, EXIT_CODES, &table(&heads, exit_codes())].join("\n")
}

fn cells(row: VerdictRow) -> Vec<String> {
    let VerdictRow { description: seen, observation, policy } = row;
    let asked =
        |occasion| judge(&observation, &Policy { monitor_kind: occasion, ..policy.clone() });
    let recurring = asked(MonitorKind::Recurring);
    // The deeper checks are a recurring monitor's.
    let alone = observation.ha.is_none() && observation.status.is_none();
    let probe = if alone { exit_code_text(&asked(MonitorKind::Probe)) } else { String::new() };
    let reason = ocf::exit_reason::truncate(&recurring.reason, ocf::exit_reason::PREFIX);
    let reason = if reason.is_empty() { reason } else { format!("`{reason}`") };
    vec![seen.to_owned(), exit_code_text(&recurring), probe, reason]
}

/// The exit code that a finding is answered with.
fn exit_code_text(verdict: &Verdict) -> String {
    let (code, remark) = match verdict.kind {
        VerdictKind::Running => (ExitCode::Success, ""),
        VerdictKind::Unchecked => (
            ExitCode::Success,
            ", warning; from the `unchecked_limit`th run in a row on 190 with `degraded=yes`",
        ),
        VerdictKind::Warning => (ExitCode::Success, ", warning"),
        VerdictKind::Degraded => {
            (ExitCode::Degraded, " from the second time on, before that 0, warning")
        }
        VerdictKind::NotRunning => (ExitCode::NotRunning, ""),
        VerdictKind::Failed | VerdictKind::Unknown => (ExitCode::Generic, ""),
        VerdictKind::CheckFailed => (ExitCode::Generic, ", unless tolerated"),
    };
    format!("{}{remark}", code.number())
}

fn id() -> ProcessId {
    ProcessId { pid: pid(4711), start: 1 }
}

fn pid(number: i32) -> Pid {
    Pid::new(number).unwrap_or_else(Pid::own)
}

fn policy(kind: PicoType, on_ha_failed: OnHaFailed) -> Policy {
    let pico = if kind == PicoType::Platform { "platform" } else { "ec1" }.to_owned();
    Policy {
        monitor_kind: MonitorKind::Recurring,
        pico_type: kind,
        pico_name: pico,
        on_ha_failed,
        ha_grace: Duration::from_secs(60),
        must_ask: false,
        // 16:43:20, as in the other examples.
        kept: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60_200)),
    }
}

fn processes_row(seen: &'static str, processes: PicoPresence) -> VerdictRow {
    let observation = Observation::from_processes(processes);
    VerdictRow {
        description: seen,
        observation,
        policy: policy(PicoType::Platform, OnHaFailed::Fail),
    }
}

fn one_process_row(seen: &'static str, life: Liveness) -> VerdictRow {
    processes_row(seen, PicoPresence::One { id: id(), liveness: life })
}

/// One process that is well by /proc, and what its HA Monitor Server said.
fn ha_row(seen: &'static str, answer: HaAnswer) -> VerdictRow {
    let mut row = one_process_row(seen, Liveness::Alive);
    row.observation.ha = Some(answer);
    row.observation.age = Duration::from_secs(3600);
    row
}

fn ha_failed_row(seen: &'static str, on_ha_failed: OnHaFailed) -> VerdictRow {
    let mut row = ha_row(seen, HaAnswer::Failed("too many aborts".to_owned()));
    row.policy.on_ha_failed = on_ha_failed;
    row
}

/// The same of `mzsh status`.
fn status_row(seen: &'static str, kind: PicoType, answer: StatusAnswer) -> VerdictRow {
    let mut row = one_process_row(seen, Liveness::Alive);
    row.observation.status = Some(answer);
    row.policy = policy(kind, OnHaFailed::Fail);
    row
}

fn rows() -> Vec<VerdictRow> {
    let mut rows = presence_rows();
    rows.extend(ha_rows());
    rows.extend(mzsh_status_rows());
    rows.push(processes_row(
        "several, seen twice",
        PicoPresence::Several(vec![pid(4711), pid(4812)]),
    ));
    rows.push(processes_row(
        "its state is unknown",
        PicoPresence::Unknown(String::from(
            "pid 4711 (java, user 1000) has lost its main thread (Z, 2 threads): it may be platform",
        )),
    ));
    rows
}

fn presence_rows() -> Vec<VerdictRow> {
    vec![
        processes_row("no process", PicoPresence::None { ended: None }),
        processes_row(
            "no process, and the recorded one has exited",
            PicoPresence::None { ended: Some(id()) },
        ),
        processes_row(
            "no process, but an `mzsh startup` of it is alive",
            PicoPresence::Starting { mzsh: id() },
        ),
        one_process_row("one process, alive (R, S, D)", Liveness::Alive),
        one_process_row("one, stopped by a signal for 2 s (T)", Liveness::Stopped),
        one_process_row("one, traced by a debugger (t)", Liveness::Traced),
        one_process_row(
            "one, a zombie thread-group leader (Z): its main thread exited, others live",
            Liveness::ZombieLeader { threads: 2 },
        ),
    ]
}

fn ha_rows() -> Vec<VerdictRow> {
    let mut young =
        ha_failed_row("the same, not yet for as long as `ha_grace` says", OnHaFailed::Fail);
    young.observation.age = Duration::from_secs(59);
    let text = str::to_owned;
    vec![
        ha_row("one; depth 10: its HA Monitor Server says OK, or is not to be asked", HaAnswer::Ok),
        ha_row(
            "one; depth 10: the HA client can't be run",
            HaAnswer::NotAsked(text("/opt/mz/lib/ha.jar: No such file or directory (os error 2)")),
        ),
        ha_row(
            "one; depth 10: the HA client did not connect in its time",
            HaAnswer::ClientTimedOut(text(
                "the HA client did not connect: is the node overloaded?",
            )),
        ),
        ha_row(
            "one; depth 10: no answer, and this JVM was never seen to listen there: the registry was changed since it started",
            HaAnswer::NeverListened(text(
                "pid 4711 was never seen to listen on 127.0.0.1:26000 (nothing listens on 127.0.0.1:26000): restart the pico to make it effective",
            )),
        ),
        ha_row(
            "one; depth 10: its HA Monitor Server does not answer",
            HaAnswer::NoAnswer(text("no answer in 10 s")),
        ),
        ha_row(
            "one; depth 10: what the HA client says is no answer",
            HaAnswer::Unreadable(text("the HA client ended by SIGSEGV")),
        ),
        ha_failed_row(
            "one; depth 10: its HA Monitor Server says FAILED, `on_ha_failed=fail`",
            OnHaFailed::Fail,
        ),
        ha_failed_row("the same with `on_ha_failed=degrade`", OnHaFailed::Degrade),
        ha_failed_row("the same with `on_ha_failed=ignore`", OnHaFailed::Ignore),
        young,
    ]
}

fn mzsh_status_rows() -> Vec<VerdictRow> {
    use PicoType::{ExecutionContext, Platform};
    let not_well = StatusAnswer::NotResponding;
    let mut excused = status_row(
        "any of these three, and the HA Monitor Server is well",
        Platform,
        not_well.clone(),
    );
    excused.observation.ha = Some(HaAnswer::Ok);
    let mut alone = status_row(
        "any of these three of an EC, SC or UI, and the Platform's RCP port does not answer",
        ExecutionContext,
        not_well.clone(),
    );
    alone.observation.platform_answers = Some(false);
    vec![
        status_row("one; depth 20: `mzsh status` says running", Platform, StatusAnswer::Running),
        status_row(
            "one; depth 20: running without contact with the Platform (EC, SC, UI)",
            ExecutionContext,
            StatusAnswer::WithoutPlatform,
        ),
        status_row("one; depth 20: `mzsh status` says not responding", Platform, not_well),
        status_row(
            "one; depth 20: `mzsh status` says not running",
            Platform,
            StatusAnswer::NotRunning,
        ),
        status_row(
            "one; depth 20: `mzsh status` does not end in time",
            Platform,
            StatusAnswer::NoAnswer,
        ),
        excused,
        alone,
    ]
}

/// What each action means by a code; empty where it never answers that.
fn exit_codes() -> Vec<Vec<String>> {
    let row = |code: ExitCode, cells: [&str; 6]| {
        let code = format!("{} `{}`", code.number(), code.name());
        std::iter::once(code).chain(cells.map(str::to_owned)).collect()
    };
    vec![
        row(
            ExitCode::Success,
            [
                "it is identified, lives, and its HA Monitor Server answers; also when it did before",
                "/proc shows no process of it and no startup of it; also when it did not run",
                "it runs",
                "it runs here",
                "nothing is wrong; warnings are on stderr",
                "it runs, and the parameters are in force",
            ],
        ),
        row(
            ExitCode::Generic,
            [
                "it did not come up, and nothing is left of it; or what it needs is not there now",
                "it, or what may be it, is still running: the cluster fences the node",
                "it hangs, runs twice, is only starting, or its state is unknown",
                "its live process is no healthy instance, or its state is unknown",
                "storage or name service does not answer",
                "as monitor",
            ],
        ),
        row(ExitCode::InvalidParameter, ["", "", "", "", "a parameter does not fit this node", ""]),
        row(
            ExitCode::Permission,
            ["mzsh may not be run, or start is not run by root", "", "", "", "the same", ""],
        ),
        row(
            ExitCode::NotInstalled,
            ["the installation is there, and mzsh is not", "", "", "", "the same", ""],
        ),
        row(
            ExitCode::NotConfigured,
            ["a parameter is wrong on every node", "", "", "", "the same", ""],
        ),
        row(
            ExitCode::NotRunning,
            [
                "",
                "",
                "it is certainly not running",
                "it is certainly not running here",
                "",
                "it does not run; it is not started",
            ],
        ),
        row(
            ExitCode::Degraded,
            [
                "",
                "",
                "it runs with a warning, and `degraded` or `on_ha_failed` ask for this answer",
                "",
                "",
                "",
            ],
        ),
    ]
}
