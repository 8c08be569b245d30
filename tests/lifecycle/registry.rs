//! What the registry's files don't tell: what the parameters say instead, and mzsh where it may be asked.

use testkit::answer::{ARGS, Answer, GENERIC, OK};
use testkit::site::{Kind, Site, site};
use testkit::{AgentCall, Done, Error};

/// The registry's file of the pico under test.
const REGISTRY: &str = "/opt/mz/common/config/cell/default/.active/containers/main1/picos/ec1.conf";

/// From the file of the pico on, the registry can't be read; and nothing that was read of it before is known any more.
fn break_registry(site: &Site) -> Done {
    site.node.write(REGISTRY, "template : mz.standard-ec\nconfig { properties {\n")?;
    site.sh(&format!("rm {}", site.record()))?;
    Ok(())
}

fn with_all_parameters(call: AgentCall<'_>) -> AgentCall<'_> {
    let parameters =
        [("container", "main1"), ("ha_check", "yes"), ("ha_host", "127.0.0.1"), ("ha_port", "26001")];
    parameters.iter().fold(call, |call, (name, value)| call.param(name, value))
}

fn validate(site: &Site) -> Result<testkit::Ran, Error> {
    site.agent().level(10).run("validate-all")
}

/// The HA port in the file is one that only mzsh's own environment has.
fn port_of_mzsh(mzsh: &str) -> Result<Site, Error> {
    let site = site(Kind::Ec).property("ec1:mz.ha.port=26001").build()?;
    site.sh(&format!(
        "sed -i 's/26001/${{SIM_HA_PORT}}/; s/\"${{SIM_HA_PORT}}\"/${{SIM_HA_PORT}}/' {REGISTRY}"
    ))?;
    site.wrap_mzsh(mzsh)?;
    Ok(site)
}

#[test]
fn with_a_broken_registry_the_parameters_are_enough_to_ask_the_ha_monitor_server() -> Done {
    let site = site(Kind::Ec).build()?;
    site.start()?;
    break_registry(&site)?;
    with_all_parameters(site.recurring(10)).run("monitor")?.answers(OK);
    site.set(&["ec1.ha_answer=silent"])?;
    let hung =
        with_all_parameters(site.recurring(10).param("ha_timeout", "3s").param("monitor_retries", "0"));
    hung.run("monitor")?.answers(GENERIC);
    Ok(())
}

#[test]
fn with_a_broken_registry_and_no_parameters_the_warning_names_file_and_line() -> Done {
    let site = site(Kind::Ec).build()?;
    site.start()?;
    break_registry(&site)?;
    let asked = site.calls("topo")?;
    site.monitor(10)?.answers(OK);
    let log = site.log()?;
    assert!(log.contains("ec1.conf:2: expected '}' for that in line 2, found the end of the file"), "{log}");
    site.probe()?.answers(OK);
    assert_eq!(site.calls("topo")?, asked, "a monitor and a probe never ask mzsh");
    let validated = validate(&site)?.answers(OK);
    let line = validated
        .stderr
        .lines()
        .find(|line| line.starts_with("WARNING: mz_home: the registry can't be read"));
    let line = line.unwrap_or_else(|| panic!("{validated}"));
    assert!(line.contains("ec1.conf:2: expected '}'") && line.contains("; mzsh topo get: "), "{line}");
    Ok(())
}

#[test]
fn a_property_that_only_mzsh_can_tell_is_asked_of_it_at_the_start_and_not_again() -> Done {
    let site = port_of_mzsh("export SIM_HA_PORT=26001")?;
    let validated = validate(&site)?.answers(OK);
    assert!(!validated.stderr.contains("mz.ha") && !validated.stderr.contains("registry"), "{validated}");
    site.start()?;
    assert_eq!(site.read_record()?["ha"]["endpoint"]["port"], 26001);
    let asked = site.calls("topo get")?;
    assert!(asked > 0, "{:?}", site.history()?);
    site.monitor(10)?.answers(OK);
    site.monitor(0)?.answers(OK);
    site.probe()?.answers(OK);
    site.stop()?.answers(OK);
    assert_eq!(site.calls("topo")?, asked);
    site.nothing_left()
}

#[test]
fn where_mzsh_does_not_tell_it_either_both_reasons_are_said() -> Done {
    let site = port_of_mzsh("case $1 in topo) echo 'mzsh: no contact'; exit 7;; esac")?;
    let validated = validate(&site)?.answers(ARGS);
    let line = validated.stderr.lines().find(|line| line.starts_with("ERROR: mz.ha.port: "));
    let line = line.unwrap_or_else(|| panic!("{validated}"));
    assert!(line.contains("${SIM_HA_PORT} is set nowhere; mzsh topo get: "), "{line}");
    assert!(line.contains("mzsh: no contact"), "{line}");
    Ok(())
}

#[test]
fn an_mzsh_that_hangs_does_not_hold_validation_up() -> Done {
    let site = port_of_mzsh("case $1 in topo) sleep 1000;; esac")?;
    let validated = site.agent().level(10).param("mzsh_timeout", "1s").run("validate-all")?.answers(ARGS);
    assert!(validated.stderr.contains("; mzsh topo get: "), "{validated}");
    site.nothing_left()
}

#[test]
fn what_explain_tells_of_an_installation_is_what_its_files_say() -> Done {
    let site = site(Kind::Ec)
        .property("ec1:pico.pid=/opt/mz/log/own.pid")
        .property("ec1:mz.ha.interval=-5")
        .build()?;
    let said = site.agent().run("explain")?.to_string();
    for words in [
        "main1",
        "JAVA_HOME of mzsh",
        "mz.standard-ec",
        "26001 (mz.ha.port)",
        "/opt/mz/log/own.pid",
        "\"-5\" in ",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    Ok(())
}

#[test]
fn a_property_that_is_put_right_counts_from_the_next_deep_monitor_on() -> Done {
    let site = site(Kind::Ec).property("ec1:mz.ha.port=26001").build()?;
    site.start()?;
    site.set(&["ec1.ha_answer=FAILED by hand"])?;
    site.sh(&format!("sed -i s/26001/abc/ {REGISTRY}; rm {}", site.record()))?;
    let deep = || site.recurring(10).param("ha_grace", "0").run("monitor");
    deep()?.answers(OK).silently();
    let log = site.log()?;
    assert!(log.contains("mz.ha.port: \"abc\""), "{log}");
    site.sh(&format!("sed -i s/abc/26001/ {REGISTRY}"))?;
    deep()?.answers(GENERIC).because(&["ec1", "FAILED", "by hand"]);
    Ok(())
}
