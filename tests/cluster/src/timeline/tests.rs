//! Tests on lines that Pacemaker 2.1.5 wrote in the lab.

use super::*;

/// 2026-11-22 13:03:15.334, UTC.
const FAULT: u64 = 1_795_352_595_334;

/// A pico of n1 was killed: detected by a monitor, stopped, started.
const KILLED: &str = "\
Nov 22 13:03:06.100 n1 pacemaker-controld  [87] (log_executor_event) \tnotice: Result of probe operation for mz-platform on n1: not running | CIB update 30, graph action confirmed; call=12 key=mz-platform_monitor_0 rc=7
2026-11-22T13:03:15.418Z platform(mz-platform)[657]: ERROR: monitor: platform is not running: pid 590 exited, no matching process
Nov 22 13:03:15.416 n1 pacemaker-execd     [84] (log_op_output) \tinfo: mz-platform_monitor_1000[657] error output [ ocf-exit-reason:platform is not running: pid 590 exited, no matching process ]
Nov 22 13:03:15.416 n1 pacemaker-controld  [87] (log_executor_event) \tnotice: Result of monitor operation for mz-platform on n1: not running (platform is not running: pid 590 exited, no matching process) | CIB update 79, graph action unconfirmed; call=42
Nov 22 13:03:15.420 n1 pacemaker-controld  [87] (abort_transition_graph) \tinfo: Transition 1 aborted by operation mz-platform_monitor_1000 'create' on n1: Change in recurring result | magic=0:7;44:1:0:36819efe cib=0.7.93 source=process_graph_event:502
Nov 22 13:03:15.436 n1 pacemaker-schedulerd[86] (log_list_item) \tnotice: Actions: Recover    mz-platform    (    n1 )
Nov 22 13:03:15.464 n1 pacemaker-controld  [87] (execute_rsc_action) \tnotice: Initiating stop operation mz-platform_stop_0 locally on n1 | action 11
Nov 22 13:03:15.476 n1 pacemaker-controld  [87] (log_executor_event) \tinfo: Result of monitor operation for mz-platform on n1: Cancelled | graph action confirmed; call=42 key=mz-platform_monitor_1000
Nov 22 13:03:15.484 n1 pacemaker-execd     [84] (log_finished) \tinfo: mz-platform stop (call 48, PID 663) exited with status 0 (execution time 16ms)
Nov 22 13:03:15.484 n1 pacemaker-controld  [87] (log_executor_event) \tnotice: Result of stop operation for mz-platform on n1: ok | CIB update 84, graph action confirmed; call=48 key=mz-platform_stop_0 rc=0
Nov 22 13:03:15.488 n1 pacemaker-controld  [87] (execute_rsc_action) \tnotice: Initiating start operation mz-platform_start_0 locally on n1 | action 30
Nov 22 13:03:15.768 n1 pacemaker-execd     [84] (log_finished) \tinfo: mz-platform start (call 49, PID 667) exited with status 0 (execution time 263ms)
";

/// A node lost its power.
const LOST: &str = "\
Nov 22 13:14:03.376 n2 pacemaker-controld  [86] (update_peer_state_iter) \tnotice: Node n1 state is now lost | nodeid=1 previous=member source=pcmk__reap_unseen_nodes
Nov 22 13:14:04.820 n3 pacemaker-controld  [91] (controld_execute_fence_action) \tnotice: Requesting fencing (reboot) of node n1 | action=1 timeout=60000
Nov 22 13:14:05.352 n3 pacemaker-controld  [91] (execute_rsc_action) \tnotice: Initiating start operation mz-storage_start_0 on n2 | action 22
";

#[test]
fn kill_is_noticed_by_failed_monitor_and_decided_by_stop() {
    let FaultTimeline { noticed, decided } = of_fault(&parse_log(KILLED, FAULT), FAULT, u64::MAX);
    let (at, by) = noticed.expect("a monitor failed");
    assert_eq!(at - FAULT, 82);
    assert!(
        by.starts_with("Result of monitor operation for mz-platform on n1: not running"),
        "{by}"
    );
    assert!(!by.contains("CIB update"), "{by}");
    assert_eq!(decided, Some((FAULT + 130, "mz-platform_stop_0 on n1".to_owned())));
}

#[test]
fn probe_result_and_cancelled_monitor_are_not_noticed() {
    let moments = parse_log(KILLED, FAULT);
    assert_eq!(of_fault(&moments, 0, FAULT), FaultTimeline::default(), "the probe");
    let after = of_fault(&moments, FAULT + 140, u64::MAX);
    assert_eq!(after, FaultTimeline::default(), "the monitor that was cancelled");
}

#[test]
fn expected_result_of_pacemaker_3_is_not_noticed() {
    for (result, is_news) in
        [("OK", false), ("Cancelled", false), ("Not running (ec1 is not running)", true)]
    {
        let line = format!(
            "Nov 22 13:03:15.416 n1 pacemaker-controld  [87] (log_executor_event) \tnotice: Result of monitor operation for mz-ec1 on n1: {result} | graph action unconfirmed"
        );
        assert_eq!(
            of_fault(&parse_log(&line, FAULT), 0, u64::MAX).noticed.is_some(),
            is_news,
            "{result}"
        );
    }
}

#[test]
fn lost_node_is_noticed_and_decision_is_fencing() {
    let fault = FAULT + 642_000;
    let FaultTimeline { noticed, decided } = of_fault(&parse_log(LOST, fault), fault, u64::MAX);
    assert_eq!(noticed.expect("it is lost").1, "Node n1 state is now lost");
    assert_eq!(decided.expect("it is fenced").1, "reboot of n1");
}

#[test]
fn configuration_change_is_noticed() {
    let line = "Nov 22 13:03:15.400 n1 pacemaker-controld  [87] (abort_transition_graph) \tnotice: Transition 4 aborted by nodes-1-standby doing create standby=on: Configuration change | cib=0.8.0 source=te_update_diff_v2:497";
    let (at, by) = of_fault(&parse_log(line, FAULT), FAULT, u64::MAX).noticed.expect("it is one");
    assert_eq!(at - FAULT, 66);
    assert_eq!(
        by,
        "Transition 4 aborted by nodes-1-standby doing create standby=on: Configuration change"
    );
}

#[test]
fn events_outside_the_fault_window_are_ignored() {
    let moments = parse_log(KILLED, FAULT);
    assert_eq!(of_fault(&moments, FAULT, FAULT + 10), FaultTimeline::default());
    let line = of_fault(&moments, FAULT, FAULT + 100);
    assert!(line.noticed.is_some() && line.decided.is_none(), "{line:?}");
}

#[test]
fn resources_that_died_together_have_separate_timelines() {
    let other = "\
Nov 22 13:03:15.350 n1 pacemaker-controld  [87] (log_executor_event) \tnotice: Result of monitor operation for mz-platform2 on n1: not running | CIB update 78, graph action unconfirmed; call=41
Nov 22 13:03:15.390 n1 pacemaker-controld  [87] (execute_rsc_action) \tnotice: Initiating stop operation mz-platform2_stop_0 locally on n1 | action 3
Nov 22 13:03:15.440 n1 pacemaker-controld  [87] (execute_rsc_action) \tnotice: Initiating start operation mz-platform2_start_0 locally on n1 | action 4
";
    let moments = [parse_log(KILLED, FAULT), parse_log(other, FAULT)].concat();
    let FaultTimeline { noticed, decided } = of_resource(&moments, "mz-platform", FAULT, u64::MAX);
    assert_eq!(noticed.map(|(at, _)| at - FAULT), Some(82));
    assert_eq!(decided, Some((FAULT + 130, "mz-platform_stop_0 on n1".to_owned())));
    assert_eq!(of_resource(&moments, "mz-ui", FAULT, u64::MAX), FaultTimeline::default());
}

#[test]
fn action_time_is_the_executors_execution_time() {
    let moments = parse_log(KILLED, FAULT);
    assert_eq!(action_time(&moments, "mz-platform", FAULT, u64::MAX), 16 + 263);
    assert_eq!(action_time(&moments, "mz-ui", FAULT, u64::MAX), 0);
    assert_eq!(
        action_time(&moments, "mz-platform", FAULT, FAULT + 200),
        16,
        "only what ended in that time"
    );
    assert_eq!(start_completed(&moments, "mz-platform", FAULT), Some((FAULT + 434, "n1")));
    let of_3 = "Nov 22 13:03:15.768 n1 pacemaker-execd [84] (log_finished) \tinfo: mz-platform start (call 49, PID 667) exited with status 0 (OK) (execution time 263ms, queue time 5ms)";
    assert_eq!(action_time(&parse_log(of_3, FAULT), "mz-platform", FAULT, u64::MAX), 263);
}

#[test]
fn successful_probe_or_first_monitor_is_an_answer() {
    let line = |result: &str| {
        let log = format!(
            "Nov 22 13:03:15.416 n3 pacemaker-controld  [100] (log_executor_event) \tnotice: Result of {result} rc=0"
        );
        parse_log(&log, FAULT).pop().map(|(_, told)| told)
    };
    let answered = |key: &str| Some(ClusterLogEvent::Answered(key.to_owned()));
    let probe = "CIB update 103, graph action confirmed; call=59 key=mz-ec1_monitor_0";
    assert_eq!(
        line(&format!("probe operation for mz-ec1 on n3: ok | {probe}")),
        answered("mz-ec1_monitor_0")
    );
    // Pacemaker 3.0 writes OK.
    let first =
        "monitor operation for mz-ec1 on n3: OK | CIB update 91; call=51 key=mz-ec1_monitor_31000";
    assert_eq!(line(first), answered("mz-ec1_monitor_31000"));
    assert_eq!(line(&format!("probe operation for mz-ec1 on n3: not running | {probe}")), None);
    assert_eq!(
        line("monitor operation for mz-ec1 on n3: Cancelled | call=50 key=mz-ec1_monitor_30000"),
        None
    );
    assert_eq!(line("start operation for mz-ec1 on n3: ok | call=48 key=mz-ec1_start_0"), None);
}

#[test]
fn log_time_without_year_is_in_the_nearest_year() {
    let at = |line: &str, near| parse_time("Dec", "31", line, near).expect("a time");
    let new_year = 1_798_761_600_000; // 2027-01-01
    assert_eq!(at("23:59:59.000", new_year + 5000), new_year - 1000);
    assert_eq!(at("23:59:59.000", new_year - 5000), new_year - 1000);
    assert_eq!(
        parse_time("Feb", "29", "00:00:00.000", 1_709_164_800_000),
        Some(1_709_164_800_000),
        "2024"
    );
    assert_eq!(parse_time("Jan", "1", "00:00:00", 1_709_164_800_000), Some(1_704_067_200_000));
}

#[test]
fn format_utc_formats_date_and_time() {
    assert_eq!(format_utc(FAULT), "2026-11-22 13:03:15");
    assert_eq!(format_utc(1_709_164_800_000), "2024-02-29 00:00:00");
    assert_eq!(format_utc(1_798_761_599_999), "2026-12-31 23:59:59");
    assert_eq!(format_utc(0), "1970-01-01 00:00:00");
}

#[test]
fn median_is_middle_value_or_mean_of_middle_two() {
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[3, 1, 2]), Some(2));
    assert_eq!(median(&[40, 10, 34, 20]), Some(27));
}
