//! `mzha health`: the agents' verdict for people, and for Auto Scaling and CloudWatch.

use serde_json::Value;
use testkit::imitation::Imitation;
use testkit::site::{HOME, Kind, Site, site};
use testkit::{AgentCall, Done, Error, NodeCommand};

fn health<'a>(site: &'a Site, words: &[&str]) -> NodeCommand<'a> {
    site.command("mzha").arg("health").args(words)
}

/// Says this, by the resource's name and by the pico's.
#[track_caller]
fn says(site: &Site, code: i32, words: &[&str]) -> Done {
    for who in [vec!["ec"], vec!["--pico", "ec1"], vec!["--pico", "ec1", "--mz-home", HOME, "--type", "ec"]] {
        let ran = health(site, &who).run()?.expect(code)?;
        let name = who.last().filter(|_| who.len() == 1).unwrap_or(&"ec1");
        assert!(ran.stdout.starts_with(&format!("{name}: ")) && ran.stdout.lines().count() == 1, "{ran}");
        for word in words {
            assert!(ran.stdout.contains(word), "{word:?}: {ran}");
        }
    }
    Ok(())
}

/// The one line, with every member that the format's specification asks for.
#[track_caller]
fn emf(site: &Site, code: i32) -> Result<Value, Error> {
    let ran = health(site, &["--pico", "ec1", "--aws"]).run()?.expect(code)?;
    assert!(ran.stdout.lines().count() == 1 && ran.stdout.len() < 256 << 10, "{ran}");
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let directives = document["_aws"]["CloudWatchMetrics"].as_array().expect("an array of directives");
    assert!(document["_aws"]["Timestamp"].as_u64().is_some_and(|ms| ms > 1_600_000_000_000), "{document}");
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
fn well_hung_and_dead_are_told_apart_by_code_and_words() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    let jvm = site.start()?;
    let calls = site.calls("")?;
    says(&site, 0, &[": well"])?;
    site.signal(jvm.pid, "STOP")?;
    says(&site, 1, &["not well: ec1 hangs", &format!("pid {} ", jvm.pid)])?;
    assert!(site.lives(&jvm)?);
    site.signal(jvm.pid, "KILL")?;
    says(&site, 1, &["not well: ec1 is not running"])?;
    assert_eq!(site.calls("")?, calls, "mzsh is not even asked");
    site.nothing_left()
}

#[test]
fn failed_by_its_own_word_is_not_well_by_the_resources_own_parameters() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    site.agent().param("ha_grace", "0").run("start")?.expect(0)?;
    site.set(&["ec1.ha_answer=FAILED aborts 7 of 5"])?;
    let ran = health(&site, &["ec"]).run()?.expect(1)?;
    assert!(ran.stdout.contains("aborts 7 of 5"), "{ran}");
    // Who names only the pico has the defaults, and with them a grace of a minute.
    let ran = health(&site, &["--pico", "ec1"]).run()?.expect(0)?;
    assert!(ran.stdout.starts_with("ec1: well, but ") && ran.stdout.contains("aborts 7 of 5"), "{ran}");
    Ok(())
}

#[test]
fn what_cant_be_told_is_neither_well_nor_not() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    let ran = health(&site, &["ec"]).run()?.expect(2)?;
    assert!(ran.stdout.starts_with("ec: can't be told: ec was not started on this node"), "{ran}");
    assert!(ran.stdout.contains("cluster"), "{ran}");
    for wrong in
        [vec![], vec!["--pico", "-f"], vec!["ec", "--pico", "ec1"], vec!["--pico", "ec1", "--mz-home", "mz"]]
    {
        let ran = health(&site, &wrong).run()?.expect(2)?;
        assert!(ran.stdout.is_empty(), "{ran}");
    }
    if site.node.owner() != "root" {
        let ran = health(&site, &["--pico", "ec1"]).user(4711).run()?.expect(2)?;
        assert!(ran.stdout.contains("must be run by root"), "{ran}");
    }
    // A process that has the name and does not say of which installation.
    Imitation::java(&["java", "-Dpico.configname=ec1"]).start(&site)?;
    let ran = health(&site, &["--pico", "ec1"]).run()?.expect(2)?;
    assert!(ran.stdout.starts_with("ec1: can't be told: "), "{ran}");
    let document = emf(&site, 2)?;
    assert!(
        document.get("Healthy").is_none() && !document["_aws"].to_string().contains("Healthy"),
        "{document}"
    );
    Ok(())
}

/// A process of a stranger that claims to be the pico, or to start it, is nothing to it.
#[test]
fn a_strangers_process_makes_nothing_well_and_nothing_doubtful() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    let home = format!("-Dmz.home={HOME}");
    let startup = ["java", &home, "com.digitalroute.picostart.cmdline.CommandLine", "startup", "ec1"];
    let nameless = ["java", "-Dpico.configname=ec1"];
    for imitation in [Imitation::pico("ec1"), Imitation::java(&startup), Imitation::java(&nameless)] {
        let other = imitation.user(4712).start(&site)?;
        let by_name = || health(&site, &["--pico", "ec1", "--mz-home", HOME, "--type", "ec"]).run();
        let ran = by_name()?.expect(1)?;
        assert!(ran.stdout.contains("ec1 is not running"), "{ran}");
        assert_eq!(emf(&site, 1)?["Healthy"], 0);
        site.mzsh(&["startup", "ec1"])?.expect(0)?;
        let jvm = site.one_by_owner("ec1")?;
        by_name()?.expect(0)?;
        site.signal(jvm.pid, "KILL")?;
        assert!(site.lives(&other)?);
        site.signal(other.pid, "KILL")?;
    }
    Ok(())
}

/// A pico that the cluster's monitors could not check for long is well, and it is said since when not, and why: at the depth that is asked here, too, and
/// at the deeper one.
#[test]
fn pico_that_could_not_be_checked_for_long_is_well_but_that() -> Done {
    for depth in [10, 20] {
        let site = site(Kind::Ec).commands().build()?;
        let limited = |call: AgentCall<'_>| call.param("unchecked_limit", "2").run("start");
        limited(site.agent())?.expect(0)?;
        site.sh("mv /opt/mz/lib/ha.jar /opt/mz/lib/away.jar")?;
        let monitor = || site.recurring(depth).param("unchecked_limit", "2").run("monitor");
        monitor()?.expect(0)?;
        let ran = health(&site, &["ec"]).run()?.expect(0)?;
        // Its own look is the second one.
        assert_eq!(ran.stdout.contains("not checked since "), depth == 10, "{ran}");
        for _ in 0..9 {
            monitor()?.expect(0)?;
        }
        for who in [["ec"].as_slice(), &["--pico", "ec1"]] {
            let ran = health(&site, who).run()?.expect(0)?;
            assert!(ran.stdout.contains(": well, but "), "{ran}");
            assert!(ran.stdout.contains("not checked ") && ran.stdout.contains(" UTC (1"), "{ran}");
            assert_eq!(ran.stdout.matches(" UTC (").count(), 1, "{ran}");
            assert!(ran.stdout.contains("ha.jar"), "{ran}");
        }
        assert_eq!(emf(&site, 0)?["Healthy"], 1);
        site.sh("mv /opt/mz/lib/away.jar /opt/mz/lib/ha.jar")?;
        monitor()?.expect(0)?;
        says(&site, 0, &["ec", ": well\n"])?;
    }
    Ok(())
}

/// Whether its HA Monitor Server was ever there, the resource's record knows, also for who names the pico.
#[test]
fn server_that_is_gone_is_not_well_and_one_that_was_never_there_is() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    site.start()?;
    site.close_ha("127.0.0.1", 26001)?;
    says(&site, 1, &["not well: ec1 hangs", "nothing listens on 127.0.0.1:26001"])?;
    site.sh(&format!("rm {}", site.record()))?;
    let ran = health(&site, &["--pico", "ec1"]).run()?.expect(0)?;
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
fn a_resource_that_was_never_started_here_is_looked_up_in_the_clusters_configuration() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    site.node.write("/opt/cib.xml", CIB)?;
    let by_cluster = |name: &str| health(&site, &[name]).env("CIB_file", "/opt/cib.xml").run();
    let ran = by_cluster("mz-ec1")?.expect(1)?;
    assert!(ran.stdout.starts_with("mz-ec1: not well: ec1 is not running"), "{ran}");
    site.mzsh(&["startup", "ec1"])?.expect(0)?;
    assert_eq!(by_cluster("mz-ec1")?.expect(0)?.stdout, "mz-ec1: well\n");
    // With the parameters that the cluster has.
    site.set(&["ec1.ha_answer=FAILED aborts 7 of 5"])?;
    assert!(by_cluster("mz-ec1")?.expect(1)?.stdout.contains("aborts 7 of 5"));
    // It keeps nothing, so that a change of the configuration counts at once.
    site.node.write(
        "/opt/cib.xml",
        CIB.replace(r#"name="ha_grace" value="0""#, r#"name="ha_grace" value="1h""#),
    )?;
    assert!(by_cluster("mz-ec1")?.expect(0)?.stdout.starts_with("mz-ec1: well, but "));
    let ran = by_cluster("mz-ec2")?.expect(2)?;
    assert!(ran.stdout.contains("no resource of mediationzone that is called so"), "{ran}");
    Ok(())
}

#[test]
fn for_amazon_it_is_one_line_of_the_embedded_metric_format() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    let jvm = site.start()?;
    let document = emf(&site, 0)?;
    assert_eq!((&document["Healthy"], &document["State"]), (&Value::from(1), &Value::from("well")));
    site.signal(jvm.pid, "KILL")?;
    let document = emf(&site, 1)?;
    assert_eq!(document["Healthy"], 0);
    assert!(document["Reason"].as_str().is_some_and(|why| why.contains("not running")), "{document}");
    Ok(())
}
