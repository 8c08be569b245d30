//! `mzha health`: the agents' verdict for people, and for Auto Scaling and CloudWatch.

use serde_json::Value;
use testkit::fake_process::FakeProcess;
use testkit::fixture::{AgentKind, Fixture, MZ_HOME, fixture};
use testkit::{AgentCall, HungOperation, NodeCommand, TestResult, TestkitError};

fn health_command<'a>(fixture: &'a Fixture, words: &[&str]) -> NodeCommand<'a> {
    fixture.command("mzha").arg("health").args(words)
}

/// Checks this answer, by the resource's name and by the pico's.
#[track_caller]
fn assert_health(fixture: &Fixture, code: i32, words: &[&str]) -> TestResult {
    for who in [
        vec!["ec"],
        vec!["--pico", "ec1"],
        vec!["--pico", "ec1", "--mz-home", MZ_HOME, "--type", "ec"],
    ] {
        let ran = health_command(fixture, &who).run()?.expect_code(code)?;
        let name = who.last().filter(|_| who.len() == 1).unwrap_or(&"ec1");
        assert!(
            ran.stdout.starts_with(&format!("{name}: ")) && ran.stdout.lines().count() == 1,
            "{ran}"
        );
        for word in words {
            assert!(ran.stdout.contains(word), "{word:?}: {ran}");
        }
    }
    Ok(())
}

/// The one line, with every member that the format's specification requires.
#[track_caller]
fn run_emf(fixture: &Fixture, code: i32) -> Result<Value, TestkitError> {
    let ran = health_command(fixture, &["--pico", "ec1", "--aws"]).run()?.expect_code(code)?;
    assert!(ran.stdout.lines().count() == 1 && ran.stdout.len() < 256 << 10, "{ran}");
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let directives =
        document["_aws"]["CloudWatchMetrics"].as_array().expect("an array of directives");
    assert!(
        document["_aws"]["Timestamp"].as_u64().is_some_and(|ms| ms > 1_600_000_000_000),
        "{document}"
    );
    for directive in directives {
        assert!(directive["Namespace"].as_str().is_some_and(|name| !name.is_empty()), "{document}");
        let metrics = directive["Metrics"].as_array().expect("an array of metrics");
        for metric in metrics {
            assert!(document[metric["Name"].as_str().expect("a name")].is_number(), "{document}");
        }
        for set in directive["Dimensions"].as_array().expect("an array of sets of dimensions") {
            for name in set.as_array().expect("a set of dimensions") {
                let value = document[name.as_str().expect("a name")].as_str();
                assert!(value.is_some_and(|value| !value.is_empty()), "{document}");
            }
        }
    }
    assert_eq!(document["ExitCode"], code);
    assert_eq!(document["Pico"], "ec1");
    Ok(document)
}

#[test]
fn healthy_hung_and_dead_pico_have_own_code_and_text() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let jvm = fixture.start()?;
    let calls = fixture.mzsh_call_count("")?;
    assert_health(&fixture, 0, &[": healthy\n"])?;
    fixture.signal(jvm.pid, "STOP")?;
    assert_health(&fixture, 1, &["unhealthy: ec1: hung", &format!("pid {} ", jvm.pid)])?;
    assert!(fixture.is_alive(&jvm)?);
    fixture.signal(jvm.pid, "KILL")?;
    assert_health(&fixture, 1, &["unhealthy: ec1 is not running"])?;
    assert_eq!(fixture.mzsh_call_count("")?, calls, "mzsh is not even asked");
    fixture.assert_nothing_left()
}

#[test]
fn failed_ha_answer_is_judged_by_resource_parameters() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    fixture.agent().param("ha_grace", "0").run("start")?.expect_code(0)?;
    fixture.set(&["ec1.ha_answer=FAILED aborts 7 of 5"])?;
    let ran = health_command(&fixture, &["ec"]).run()?.expect_code(1)?;
    assert!(ran.stdout.contains("aborts 7 of 5"), "{ran}");
    // A call that names only the pico uses the defaults, and with them a grace of a minute.
    let ran = health_command(&fixture, &["--pico", "ec1"]).run()?.expect_code(0)?;
    assert!(
        ran.stdout.starts_with("ec1: healthy, but ") && ran.stdout.contains("aborts 7 of 5"),
        "{ran}"
    );
    Ok(())
}

#[test]
fn unknown_state_exits_2_without_healthy_metric() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let ran = health_command(&fixture, &["ec"]).run()?.expect_code(2)?;
    assert!(
        ran.stdout
            .starts_with("ec: unknown: resource not found (not started on this node since boot; "),
        "{ran}"
    );
    assert!(ran.stdout.contains("cluster"), "{ran}");
    for wrong in [
        vec![],
        vec!["--pico", "-f"],
        vec!["ec", "--pico", "ec1"],
        vec!["--pico", "ec1", "--mz-home", "mz"],
    ] {
        let ran = health_command(&fixture, &wrong).run()?.expect_code(2)?;
        assert!(ran.stdout.is_empty(), "{ran}");
    }
    if fixture.node.owner() != "root" {
        let ran = health_command(&fixture, &["--pico", "ec1"]).user(4711).run()?.expect_code(2)?;
        assert!(ran.stdout.contains("ec1: unknown: permission denied (not root"), "{ran}");
    }
    // A process that has the pico's name and no installation.
    FakeProcess::for_java(&["java", "-Dpico.configname=ec1"]).start(&fixture)?;
    let ran = health_command(&fixture, &["--pico", "ec1"]).run()?.expect_code(2)?;
    assert!(ran.stdout.starts_with("ec1: unknown: "), "{ran}");
    let document = run_emf(&fixture, 2)?;
    assert!(
        document.get("Healthy").is_none() && !document["_aws"].to_string().contains("Healthy"),
        "{document}"
    );
    Ok(())
}

/// Another user's process that claims to be the pico, or to start it, does not affect the answer.
#[test]
fn foreign_process_does_not_affect_health() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    let home = format!("-Dmz.home={MZ_HOME}");
    let startup =
        ["java", &home, "com.digitalroute.picostart.cmdline.CommandLine", "startup", "ec1"];
    let nameless = ["java", "-Dpico.configname=ec1"];
    for imitation in [
        FakeProcess::for_pico("ec1"),
        FakeProcess::for_java(&startup),
        FakeProcess::for_java(&nameless),
    ] {
        let other = imitation.user(4712).start(&fixture)?;
        let by_name = || {
            health_command(&fixture, &["--pico", "ec1", "--mz-home", MZ_HOME, "--type", "ec"]).run()
        };
        let ran = by_name()?.expect_code(1)?;
        assert!(ran.stdout.contains("ec1 is not running"), "{ran}");
        assert_eq!(run_emf(&fixture, 1)?["Healthy"], 0);
        fixture.mzsh(&["startup", "ec1"])?.expect_code(0)?;
        let jvm = fixture.single_owned_pico("ec1")?;
        by_name()?.expect_code(0)?;
        fixture.signal(jvm.pid, "KILL")?;
        assert!(fixture.is_alive(&other)?);
        fixture.signal(other.pid, "KILL")?;
    }
    Ok(())
}

/// Each output format says that the state is unknown: as one document, without a metric, and with this text.
#[track_caller]
fn assert_unknown(
    fixture: &Fixture,
    call: &dyn Fn(&[&str]) -> Result<testkit::NodeCommandOutput, TestkitError>,
    words: &str,
) -> TestResult {
    let ran = call(&[])?.expect_code(2)?;
    assert!(ran.stdout.contains(": unknown: ") && ran.stdout.contains(words), "{words:?}: {ran}");
    assert_eq!(ran.stdout.lines().count(), 1, "{ran}");
    let ran = call(&["--json"])?.expect_code(2)?;
    let document: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran}"));
    assert_eq!(
        (&document["exit_code"], &document["status"]),
        (&2.into(), &"unknown".into()),
        "{ran}"
    );
    assert_eq!(document["state"], "can't be told", "{ran}");
    assert!(document["reason"].as_str().is_some_and(|why| why.contains(words)), "{words:?}: {ran}");
    let ran = call(&["--aws"])?.expect_code(2)?;
    let document: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran}"));
    assert!(document.get("Healthy").is_none(), "{ran}");
    assert!(fixture.pico_processes("ec7")?.is_empty());
    Ok(())
}

/// Otherwise an instance would be replaced for a typing mistake, or for storage that is not mounted yet.
#[test]
fn pico_without_installation_or_registry_entry_is_unknown() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    fixture.sh("mkdir -p /opt/empty /opt/other/x && touch /opt/file")?;
    // The pico and the installation, a change of the node, and text of the reason.
    let table: &[(&str, &str, &str, &str)] = &[
        ("ec7", MZ_HOME, "", "no such pico; containers: main1"),
        ("ec1", "/opt/nowhere", "", "/opt/nowhere does not exist"),
        ("ec1", "/opt/empty", "", "/opt/empty is empty"),
        ("ec1", "/opt/other", "", "/opt/other holds no product files"),
        ("ec1", "/opt/file", "", "/opt/file can't be read"),
        (
            "ec1",
            MZ_HOME,
            "mv /opt/mz/common/config/cell/default/.active/containers/main1/picos/ec1.conf /opt",
            "master only: it is not activated",
        ),
        (
            "ec1",
            MZ_HOME,
            "mv /opt/mz/common/config/cell/default /opt/registry",
            "registry of /opt/mz: can't be read",
        ),
        (
            "ec1",
            MZ_HOME,
            "mount -t tmpfs -o mode=755 tmpfs /opt/mz",
            "/opt/mz is empty: is its storage mounted?",
        ),
    ];
    for &(pico, home, first, words) in table {
        fixture.sh(first)?;
        let call = |more: &[&str]| {
            health_command(&fixture, &["--pico", pico, "--mz-home", home]).args(more).run()
        };
        assert_unknown(&fixture, &call, words)?;
    }
    Ok(())
}

/// If the cluster's monitors could not check a pico for long, the answer says since when, and why, at
/// whichever depth.
#[test]
fn pico_that_could_not_be_checked_for_long_is_unknown_and_since_when_is_said() -> TestResult {
    for depth in [10, 20] {
        let fixture = fixture(AgentKind::Ec).commands().build()?;
        let limited = |call: AgentCall<'_>| call.param("unchecked_limit", "2").run("start");
        limited(fixture.agent())?.expect_code(0)?;
        fixture.sh("mv /opt/mz/lib/ha.jar /opt/mz/lib/away.jar")?;
        let monitor =
            || fixture.recurring_monitor(depth).param("unchecked_limit", "2").run("monitor");
        monitor()?.expect_code(0)?;
        let ran = health_command(&fixture, &["ec"]).run()?.expect_code(2)?;
        assert!(!ran.stdout.contains("not checked "), "{ran}");
        for _ in 0..9 {
            monitor()?.expect_code(0)?;
        }
        for who in [["ec"].as_slice(), &["--pico", "ec1"]] {
            let ran = health_command(&fixture, who).run()?.expect_code(2)?;
            assert!(ran.stdout.contains(&format!("not checked at depth {depth} since ")), "{ran}");
            assert_eq!(ran.stdout.matches(" UTC (10 runs): ").count(), 1, "{ran}");
            assert!(ran.stdout.contains("ha.jar"), "{ran}");
        }
        fixture.sh("mv /opt/mz/lib/away.jar /opt/mz/lib/ha.jar")?;
        // Its own check succeeds, and the cluster's monitors have yet to run.
        let ran = health_command(&fixture, &["ec"]).run()?.expect_code(0)?;
        assert!(
            ran.stdout.contains(&format!(": healthy, but not checked at depth {depth} since ")),
            "{ran}"
        );
        monitor()?.expect_code(0)?;
        assert_health(&fixture, 0, &["ec", ": healthy\n"])?;
    }
    Ok(())
}

#[test]
fn absent_pico_on_hung_storage_is_unknown() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let _hung = fixture.node.hang_storage(MZ_HOME, HungOperation::Everything)?;
    let call = |more: &[&str]| {
        health_command(&fixture, &["--pico", "ec1", "--timeout", "16"]).args(more).run()
    };
    assert_unknown(&fixture, &call, "storage has not answered for ")
}

/// The cluster's parameters: user, name, and a value that no pico can have.
#[test]
fn resource_with_unusable_parameters_is_unknown() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    for (parameter, words) in [
        (r#"name="os_user" value="mzstranger""#, "user mzstranger is unknown on this node"),
        (r#"name="mz_home" value="opt""#, "mz_home"),
    ] {
        fixture
            .node
            .write("/opt/cib.xml", CIB.replace(r#"name="ha_grace" value="0""#, parameter))?;
        let call = |more: &[&str]| {
            health_command(&fixture, &["mz-ec1"]).args(more).env("CIB_file", "/opt/cib.xml").run()
        };
        assert_unknown(&fixture, &call, words)?;
    }
    Ok(())
}

/// The JVM lives, and its HA Monitor Server cannot be queried.
#[test]
fn pico_without_runnable_ha_client_is_unknown() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    fixture.start()?;
    fixture.sh("mv /opt/mz/lib/ha.jar /opt/mz/lib/ha.old")?;
    let call = |more: &[&str]| health_command(&fixture, &["ec"]).args(more).run();
    assert_unknown(&fixture, &call, "its HA Monitor Server could not be asked")?;
    // For the cluster that is no failure.
    fixture.monitor(10)?.expect_code(0)?;
    Ok(())
}

/// A recorded process that has died is known to be dead, whatever happened to its storage.
#[test]
fn dead_recorded_pico_is_unhealthy_without_storage() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let jvm = fixture.start()?;
    fixture.signal(jvm.pid, "KILL")?;
    fixture.sh("mount -t tmpfs tmpfs /opt/mz")?;
    let ran = health_command(&fixture, &["ec"]).run()?.expect_code(1)?;
    assert!(ran.stdout.contains(&format!("pid {} exited", jvm.pid)), "{ran}");
    Ok(())
}

/// The cluster's state of a node that has started the resource, or has stopped it.
fn cluster_state(node: &str, operation: &str) -> String {
    let key = "3:1:0:aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
    format!(
        r#"<status><node_state id="2" uname="{node}" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="2"><lrm_resources>
<lrm_resource id="mz-ec1" type="ec" class="ocf" provider="mediationzone"><lrm_rsc_op id="mz-ec1_last_0" operation_key="mz-ec1_{operation}_0" operation="{operation}" crm-debug-origin="x" crm_feature_set="3.16.2" transition-key="{key}" transition-magic="0:0;{key}" exit-reason="" on_node="{node}" call-id="6" rc-code="0" op-status="0" interval="0" last-rc-change="1785575107" exec-time="1" queue-time="0" op-digest="x"/></lrm_resource>
</lrm_resources></lrm></node_state></status>"#
    )
}

/// Pacemaker's own tool reads the state.
#[test]
fn pico_active_on_another_node_is_unknown_and_node_is_named() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let here = fixture.sh("hostname")?.trim().to_owned();
    let node = |name: &str| format!(r#"<nodes><node id="2" uname="{name}"/></nodes>"#);
    for (name, operation, code) in
        [("n2", "start", 2), ("n2", "stop", 1), (here.as_str(), "start", 1)]
    {
        let cib = CIB
            .replace("<nodes/>", &node(name))
            .replace("<status/>", &cluster_state(name, operation));
        fixture.node.write("/opt/cib.xml", cib)?;
        for who in [["mz-ec1"].as_slice(), ["--pico", "ec1"].as_slice()] {
            let call = |more: &[&str]| {
                health_command(&fixture, who).args(more).env("CIB_file", "/opt/cib.xml").run()
            };
            if code == 2 {
                assert_unknown(&fixture, &call, "; active on n2; run `mzha health` there")?;
                let document: Value =
                    serde_json::from_str(&call(&["--json"])?.stdout).expect("JSON");
                assert_eq!(document["active_on"], serde_json::json!(["n2"]));
            } else {
                let ran = call(&[])?.expect_code(1)?;
                assert!(
                    ran.stdout.contains("unhealthy: ec1 is not running"),
                    "{name} {operation}: {ran}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn json_document_has_all_that_the_text_line_has() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let jvm = fixture.start()?;
    let document = |code| -> Result<Value, TestkitError> {
        let ran = health_command(&fixture, &["ec", "--json"]).run()?.expect_code(code)?;
        assert!(ran.stderr.is_empty(), "{ran}");
        Ok(serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran}")))
    };
    let well = serde_json::json!({
        "resource": "ec", "pico": "ec1", "status": "healthy", "state": "well", "exit_code": 0, "reason": null,
        "active_on": []
    });
    assert_eq!(document(0)?, well);
    fixture.signal(jvm.pid, "STOP")?;
    let hung = document(1)?;
    assert_eq!(
        (&hung["status"], &hung["state"]),
        (&"unhealthy".into(), &"not well".into()),
        "{hung}"
    );
    let reason = hung["reason"].as_str().unwrap_or_default();
    // A machine stores this answer, and it may be read after the process was resumed.
    assert!(
        reason.starts_with(&format!("ec1: hung: pid {} was stopped (T) at ", jvm.pid)),
        "{hung}"
    );
    assert!(!reason.contains("kill"), "{hung}");
    // A person reads this answer now.
    let ran = health_command(&fixture, &["ec"]).run()?.expect_code(1)?;
    assert!(ran.stdout.contains(&format!("run `kill -CONT {}`", jvm.pid)), "{ran}");
    fixture.signal(jvm.pid, "CONT")?;
    assert_eq!(document(0)?, well);
    Ok(())
}

#[test]
fn invalid_arguments_are_refused_with_usage() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    for words in [
        vec!["health", "ec", "ec2"],
        vec!["health", "ec", "--jsn"],
        vec!["health", "ec", "--json", "--aws"],
        vec!["health", "--json"],
        vec!["doctor", "--jsn"],
        vec!["doctor", "--pico", "ec1"],
        vec!["heal"],
        vec![],
    ] {
        let ran = fixture.command("mzha").args(&words).run()?.expect_code(2)?;
        assert!(ran.stdout.is_empty() && ran.stderr.contains("Usage: mzha"), "{words:?}: {ran}");
    }
    Ok(())
}

/// The resource's record knows whether its HA Monitor Server was ever seen, also for a call that names the
/// pico.
#[test]
fn server_that_is_gone_is_not_well_and_one_that_was_never_there_is_unknown() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    fixture.start()?;
    fixture.close_ha("127.0.0.1", 26001)?;
    assert_health(&fixture, 1, &["unhealthy: ec1: hung", "nothing listens on 127.0.0.1:26001"])?;
    fixture.sh(&format!("rm {}", fixture.record_path()))?;
    let ran = health_command(&fixture, &["--pico", "ec1"]).run()?.expect_code(2)?;
    assert!(ran.stdout.contains("was never seen to listen on 127.0.0.1:26001"), "{ran}");
    Ok(())
}

/// A configuration with one resource of ours, which no agent has started here.
const CIB: &str = r#"<cib crm_feature_set="3.16.2" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0">
<configuration><crm_config/><nodes/><resources>
<primitive id="mz-ec1" class="ocf" provider="mediationzone" type="ec"><instance_attributes id="mz-ec1-parameters">
<nvpair id="mz-ec1-pico_name" name="pico_name" value="ec1"/><nvpair id="mz-ec1-ha_grace" name="ha_grace" value="0"/>
</instance_attributes></primitive>
</resources><constraints/></configuration><status/></cib>
"#;

#[test]
fn never_started_resource_is_looked_up_in_cluster_configuration() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    fixture.node.write("/opt/cib.xml", CIB)?;
    let by_cluster =
        |name: &str| health_command(&fixture, &[name]).env("CIB_file", "/opt/cib.xml").run();
    let ran = by_cluster("mz-ec1")?.expect_code(1)?;
    assert!(ran.stdout.starts_with("mz-ec1: unhealthy: ec1 is not running"), "{ran}");
    fixture.mzsh(&["startup", "ec1"])?.expect_code(0)?;
    assert_eq!(by_cluster("mz-ec1")?.expect_code(0)?.stdout, "mz-ec1: healthy\n");
    // With the parameters of the cluster.
    fixture.set(&["ec1.ha_answer=FAILED aborts 7 of 5"])?;
    assert!(by_cluster("mz-ec1")?.expect_code(1)?.stdout.contains("aborts 7 of 5"));
    // The command caches nothing, so that a change of the configuration counts at once.
    fixture.node.write(
        "/opt/cib.xml",
        CIB.replace(r#"name="ha_grace" value="0""#, r#"name="ha_grace" value="1h""#),
    )?;
    assert!(by_cluster("mz-ec1")?.expect_code(0)?.stdout.starts_with("mz-ec1: healthy, but "));
    let ran = by_cluster("mz-ec2")?.expect_code(2)?;
    assert!(ran.stdout.contains("no resource of mediationzone with that name"), "{ran}");
    Ok(())
}

#[test]
fn aws_option_prints_one_emf_line() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let jvm = fixture.start()?;
    let document = run_emf(&fixture, 0)?;
    assert_eq!((&document["Healthy"], &document["State"]), (&Value::from(1), &Value::from("well")));
    assert_eq!(document["Status"], "healthy");
    fixture.signal(jvm.pid, "KILL")?;
    let document = run_emf(&fixture, 1)?;
    assert_eq!(
        (&document["Healthy"], &document["State"]),
        (&Value::from(0), &Value::from("not well"))
    );
    assert_eq!(document["Status"], "unhealthy");
    assert!(
        document["Reason"].as_str().is_some_and(|why| why.contains("not running")),
        "{document}"
    );
    Ok(())
}
