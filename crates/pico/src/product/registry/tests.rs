//! Tests of whole registries.

use super::*;
use crate::settings::PicoType;
use std::fs;

fn installation(files: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = home.path().join("common/config/cell/default").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    home
}

fn facts_of(files: &[(&str, &str)], name: &str) -> PicoFacts {
    let home = installation(files);
    match find(home.path(), None, &name.parse().unwrap()) {
        RegistryState::Defined(facts) => *facts,
        other => panic!("{other:?}"),
    }
}

const CELL: (&str, &str) = (
    ".active/cell.conf",
    "common { pico.rcp.platform.host : mzplat, pico.rcp.platform.port : 7790 }",
);

#[test]
fn pico_is_found_with_container_and_properties_in_both_spellings() {
    for properties in [
        "mz.ha.enabled : true, mz.ha.port : 26001",
        "\"mz.ha.enabled\" : true, \"mz.ha.port\" : 26001",
    ] {
        let pico = format!("template : mz.standard-ec\nconfig {{ properties {{ {properties} }} }}");
        let facts = facts_of(&[CELL, (".active/containers/exec1/picos/ec1.conf", &pico)], "ec1");
        assert_eq!(facts.container, "exec1");
        assert!(facts.enabled);
        assert!(facts.ha.enabled);
        assert_eq!(facts.ha.endpoint.unwrap().to_string(), "127.0.0.1:26001");
        assert_eq!(facts.ha.interval, 40);
        assert_eq!(facts.platform.unwrap().to_string(), "mzplat:7790");
        assert_eq!(facts.server_host, None);
    }
}

#[test]
fn type_is_that_of_the_products_own_template_and_of_no_other() {
    let of = |template: &str| {
        let site = ("master/templates/site/picos/old-ec.conf", "template : mz.standard-sc");
        let own = ("master/templates/site/picos/own-ec.conf", "config.properties.mz.ha.port : 1");
        let pico = format!("template : {template}");
        facts_of(&[site, own, (".active/containers/c/picos/p.conf", &pico)], "p").kind
    };
    for kind in PicoType::ALL {
        assert_eq!(of(&format!("mz.standard-{}", kind.agent_name())), Some(kind));
    }
    assert_eq!(of("site.old-ec"), Some(PicoType::ServiceContext));
    for unknown in ["site.own-ec", "mz.standard", "mz.standard-desktop", "\"\""] {
        assert_eq!(of(unknown), None, "{unknown}");
    }
}

#[test]
fn nearest_layer_wins() {
    let facts = facts_of(
        &[
            (
                "master/templates/mz/picos/standard-ec.conf",
                "config.properties { mz.ha.port : 1, mz.ha.interval : 90 }",
            ),
            (
                ".active/containers/c/container.conf",
                "common { mz.ha.enabled : true, pico.rcp.server.host : vip }",
            ),
            (
                ".active/containers/c/picos/ec1.conf",
                "template : mz.standard-ec, config.properties.mz.ha.port : 2",
            ),
            (
                ".active/containers/c/picos/ec2.conf",
                "config.properties.mz.ha.port : 2, settings.state : disabled",
            ),
        ],
        "ec1",
    );
    assert_eq!(facts.ha.endpoint.unwrap().port, 2);
    assert_eq!(facts.ha.interval, 90);
    assert!(facts.ha.enabled);
    assert_eq!(facts.server_host.as_deref(), Some("vip"));
    assert_eq!(facts.same_ha_port, ["ec2"]);
}

#[test]
fn pico_disabled_undefined_or_ambiguous_is_reported() {
    let home = installation(&[
        (".active/containers/a/picos/ec1.conf", "settings.state : disabled"),
        (".active/containers/b/picos/ec2.conf", ""),
        (".active/containers/a/picos/ec2.conf", ""),
    ]);
    let find = |container, name: &str| find(home.path(), container, &name.parse().unwrap());
    assert!(matches!(find(None, "ec1"), RegistryState::Defined(facts) if !facts.enabled));
    assert_eq!(
        find(None, "ec3"),
        RegistryState::Undefined { containers: vec!["a".into(), "b".into()] }
    );
    assert_eq!(
        find(None, "ec2"),
        RegistryState::Ambiguous { containers: vec!["a".into(), "b".into()] }
    );
    assert!(
        matches!(find(Some("b"), "ec2"), RegistryState::Defined(facts) if facts.container == "b")
    );
}

#[test]
fn substitutions_resolve_over_all_layers_and_known_variables() {
    let home = installation(&[
        (
            ".active/cell.conf",
            "common { pico.rcp.platform.host : ${platform.name}\"-vip\", base : 26000, mz.ha.port : ${base} }\nplatform.name : mz",
        ),
        (
            ".active/containers/c/container.conf",
            "common.pico.rcp.server.host : ${MZ_CONTAINER}.${pico.name}.example",
        ),
        (
            "master/templates/mz/picos/standard.conf",
            "config.properties { pico.pid : ${mz.home}/run/${pico.name}.pid }",
        ),
        (
            "master/templates/site/picos/big.conf",
            "template : mz.standard, config.properties { mz.ha.interval : ${window} }, window : 90",
        ),
        (
            ".active/containers/c/picos/ec1.conf",
            "template : site.big\ninclude \"ha\"\nconfig.properties.ec.webserver.port : 90${?first}, first : 91\nwindow : 120",
        ),
        (
            ".active/containers/c/picos/ha.conf",
            "config.properties { mz.ha.enabled : true, mz.ha.host : ${pico.rcp.server.host} }",
        ),
    ]);
    let RegistryState::Defined(facts) = find(home.path(), Some("c"), &"ec1".parse().unwrap())
    else {
        panic!()
    };
    assert_eq!(facts.problems, []);
    assert_eq!(facts.templates, ["site.big", "mz.standard"]);
    assert_eq!(facts.platform.unwrap().to_string(), "mz-vip:6790");
    assert_eq!(facts.server_host.as_deref(), Some("c.ec1.example"));
    assert_eq!(facts.ha.endpoint.unwrap().to_string(), "c.ec1.example:26000");
    assert_eq!(facts.ha.interval, 120);
    assert_eq!(facts.pid_file, home.path().join("run/ec1.pid"));
    let ports: Vec<(&str, u16)> =
        facts.ports.iter().map(|(name, port)| (name.as_str(), *port)).collect();
    assert_eq!(ports, [("mz.ha.port", 26000), ("ec.webserver.port", 9091)]);
}

#[test]
fn unparsable_property_is_reported_and_the_others_are_kept() {
    for (property, said) in [
        ("mz.ha.port : abc", "mz.ha.port: \"abc\" in ec1.conf:2: expected a port, 1 to 65535"),
        ("mz.ha.port : 0", "mz.ha.port: \"0\" in ec1.conf:2: expected a port, 1 to 65535"),
        ("mz.ha.port : 70000", "mz.ha.port: \"70000\" in ec1.conf:2: expected a port, 1 to 65535"),
        ("mz.ha.port : -1", "mz.ha.port: \"-1\" in ec1.conf:2: expected a port, 1 to 65535"),
        ("mz.ha.port : ${nowhere}", "mz.ha.port: ec1.conf:2: ${nowhere} is set nowhere"),
        ("mz.ha.port : [1]", "mz.ha.port: ec1.conf:2: is a list, where a text is expected"),
        ("mz.ha.enabled : maybe", "mz.ha.enabled: \"maybe\" in ec1.conf:2: expected true or false"),
        (
            "mz.ha.interval : -5",
            "mz.ha.interval: \"-5\" in ec1.conf:2: expected a number of seconds",
        ),
        ("mz.ha.host : ${?x}${x}", "mz.ha.host: ec1.conf:2: ${x} is set nowhere"),
        (
            "mz.ha.port : ${?HA_PORT}",
            "mz.ha.port: ${?HA_PORT} is not set in the registry, but may be in the product's environment",
        ),
        (
            "mz.servicehost.port.range : 9-5",
            "mz.servicehost.port.range: \"9-5\" in ec1.conf:2: expected a range of ports, such as 5451-5500",
        ),
        (
            "pico.rcp.platform.port : x",
            "pico.rcp.platform.port: \"x\" in ec1.conf:2: expected a port, 1 to 65535",
        ),
        ("pico.pid : ${pid}", "pico.pid: ec1.conf:2: ${pid} is set nowhere"),
    ] {
        let pico = format!(
            "config.properties {{ mz.ha.enabled : true, mz.ha.port : 26001, ec.webserver.port : 9090\n{property} }}"
        );
        let file = ".active/containers/c/picos/ec1.conf";
        let home = installation(&[CELL, (file, &pico)]);
        let RegistryState::Defined(facts) = find(home.path(), None, &"ec1".parse().unwrap()) else {
            panic!()
        };
        let [problem] = facts.problems.as_slice() else {
            panic!("{property}: {:?}", facts.problems)
        };
        let path = format!(
            "{}/common/config/cell/default/.active/containers/c/picos/",
            home.path().display()
        );
        assert_eq!(problem.to_string().replace(&path, ""), said);
        assert_eq!(problem.stable_name(), problem.property);
        assert!(
            facts.ports.contains(&("ec.webserver.port".to_owned(), 9090)),
            "{property}: {:?}",
            facts.ports
        );
        // Only these properties affect whether and where the server listens.
        let matters =
            ["mz.ha.port", "mz.ha.host", "mz.ha.enabled"].contains(&problem.stable_name());
        assert_eq!(facts.ha.unclear.is_some(), matters, "{property}");
        assert_eq!(facts.ha_problem(), matters.then_some(problem), "{property}");
        assert!(!matters || facts.ha.endpoint.is_none() || !facts.ha.enabled, "{property}");
    }
    // The address of a disabled server does not matter.
    let facts = facts_of(
        &[(
            ".active/containers/c/picos/ec1.conf",
            "config.properties { mz.ha.port : abc, mz.ha.enabled : no }",
        )],
        "ec1",
    );
    assert_eq!(facts.problems.len(), 2);
    let facts = facts_of(
        &[(".active/containers/c/picos/ec1.conf", "config.properties.mz.ha.port : abc")],
        "ec1",
    );
    assert_eq!(facts.ha_problem(), None);
    assert_eq!((facts.problems.len(), facts.ha.unclear), (1, None));
}

#[test]
fn missing_or_cyclic_template_is_reported() {
    let pico = ".active/containers/c/picos/ec1.conf";
    let facts = facts_of(&[(pico, "template : mz.none")], "ec1");
    assert!(facts.problems[0].text.ends_with("ec1.conf:1: template mz.none: file not found"));
    let one = ("master/templates/mz/picos/one.conf", "template : mz.two");
    let two = (
        "master/templates/mz/picos/two.conf",
        "template : mz.one, config.properties.mz.ha.port : 5",
    );
    let facts = facts_of(&[(pico, "template : mz.one"), one, two], "ec1");
    assert!(
        facts.problems[0].text.ends_with("two.conf:1: template mz.one inherits from itself"),
        "{:?}",
        facts.problems
    );
    assert_eq!(facts.ha_port(), Some(5));
    let active = (".active/templates/mz/picos/one.conf", "config.properties.mz.ha.port : 7");
    assert_eq!(
        facts_of(&[(pico, "template : mz.one"), one, two, active], "ec1").ha_port(),
        Some(7)
    );
}

#[test]
fn pico_only_in_master_is_not_activated() {
    let home = installation(&[
        (".active/containers/c/picos/ec1.conf", ""),
        ("master/containers/c/picos/ec1.conf", "settings.state : disabled"),
        ("master/containers/c/picos/ec2.conf", ""),
    ]);
    let find = |container, name: &str| find(home.path(), container, &name.parse().unwrap());
    assert!(
        matches!(find(None, "ec1"), RegistryState::Defined(facts) if facts.active && facts.enabled)
    );
    assert_eq!(find(None, "ec2"), RegistryState::NotActivated { container: "c".into() });
    assert_eq!(find(Some("d"), "ec2"), RegistryState::Undefined { containers: vec!["d".into()] });
    fs::remove_dir_all(home.path().join("common/config/cell/default/.active")).unwrap();
    assert!(matches!(find(None, "ec2"), RegistryState::Defined(facts) if !facts.active));
}

#[test]
fn container_set_in_mzsh_decides_among_several() {
    let home = installation(&[
        (".active/containers/a/picos/ec1.conf", ""),
        (".active/containers/b/picos/ec1.conf", ""),
    ]);
    let find = || find(home.path(), None, &"ec1".parse().unwrap());
    fs::create_dir(home.path().join("bin")).unwrap();
    for (script, container) in
        [("MZ_CONTAINER=b", Some("b")), ("MZ_CONTAINER=$X", None), ("MZ_CONTAINER=c", None)]
    {
        fs::write(home.path().join("bin/mzsh"), script).unwrap();
        match find() {
            RegistryState::Defined(facts) => assert_eq!(Some(facts.container.as_str()), container),
            other => {
                assert!(
                    container.is_none() && matches!(other, RegistryState::Ambiguous { .. }),
                    "{other:?}"
                );
            }
        }
    }
}

#[test]
fn instance_listing_includes_unreadable_picos() {
    let home = installation(&[
        (".active/containers/a/picos/ec1.conf", "config.properties.mz.ha.port : 5"),
        (".active/containers/a/picos/ec2.conf", "config.properties.mz.ha.port : 5"),
        (".active/containers/b/picos/ec3.conf", "config.properties.mz.ha.port : 5"),
        (".active/containers/b/picos/sc1.conf", "config {"),
    ]);
    let survey = list_all(home.path()).unwrap();
    assert_eq!(survey.containers, ["a", "b"]);
    let names: Vec<(&str, &str)> =
        survey.picos.iter().map(|p| (p.container.as_str(), p.name.as_str())).collect();
    assert_eq!(names, [("a", "ec1"), ("a", "ec2"), ("b", "ec3"), ("b", "sc1")]);
    let same = |at: usize| survey.picos[at].facts.as_ref().unwrap().same_ha_port.clone();
    assert_eq!(
        (same(0), same(1), same(2)),
        (vec!["ec2".to_owned()], vec!["ec1".to_owned()], vec![])
    );
    let why = survey.picos[3].facts.as_ref().unwrap_err();
    assert!(
        why.ends_with("sc1.conf:1: expected '}' for that in line 1, found the end of the file"),
        "{why}"
    );
    assert!(list_all(tempfile::tempdir().unwrap().path()).is_err());
}

#[test]
fn exponential_substitutions_are_bounded() {
    // Following these substitutions would yield 2^60 times ten bytes.
    let lines = (1..60).map(|i| format!("a{i} : ${{a{}}}${{a{}}}\n", i - 1, i - 1));
    let pico = format!("a0 : xxxxxxxxxx\n{}", lines.collect::<String>());
    assert!(facts_of(&[(".active/containers/c/picos/ec1.conf", &pico)], "ec1").enabled);
}

#[test]
fn endless_file_is_unreadable_at_the_size_limit() {
    let pico = "#".repeat(hocon::limits::FILE_BYTES + 1);
    let home = installation(&[(".active/containers/c/picos/ec1.conf", &pico)]);
    let state = find(home.path(), None, &"ec1".parse().unwrap());
    assert!(
        matches!(&state, RegistryState::Unreadable(why) if why.ends_with("longer than 256 KiB")),
        "{state:?}"
    );
}

#[test]
fn path_with_too_many_names_is_refused() {
    let pico = format!("# {}\n{}a : 1", ".".repeat(1000), "a.".repeat(20_000));
    let home = installation(&[(".active/containers/c/picos/ec1.conf", &pico)]);
    let state = find(home.path(), None, &"ec1".parse().unwrap());
    let refused = "ec1.conf:2: has a path of more than 128 names";
    assert!(
        matches!(&state, RegistryState::Unreadable(why) if why.ends_with(refused)),
        "{state:?}"
    );
    let line = format!("# {}\nsettings.state : enabled", ".".repeat(1000));
    assert!(facts_of(&[(".active/containers/c/picos/ec1.conf", &line)], "ec1").enabled);
}

#[test]
fn broken_file_makes_the_registry_unreadable() {
    let home = installation(&[(".active/containers/a/picos/ec1.conf", "config { properties {")]);
    assert!(matches!(
        find(home.path(), None, &"ec1".parse().unwrap()),
        RegistryState::Unreadable(_)
    ));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        find(empty.path(), None, &"ec1".parse().unwrap()),
        RegistryState::Unreadable(_)
    ));
}

#[test]
fn unresolved_host_is_not_taken_for_unset() {
    let pico =
        "config.properties { pico.rcp.server.host : ${NOWHERE}, pico.rcp.platform.host : \"\" }";
    let facts = facts_of(&[(".active/containers/c/picos/ec1.conf", pico)], "ec1");
    assert_eq!((facts.server_host.as_ref(), facts.platform.as_ref()), (None, None));
    assert!(facts.is_unresolved("pico.rcp.server.host"));
    assert!(!facts.is_unresolved("pico.rcp.platform.host"));
}

#[test]
fn container_state_does_not_apply_to_its_picos() {
    let container = (
        ".active/containers/c/container.conf",
        "settings.state : disabled, common.state : disabled",
    );
    let enabled =
        |pico| facts_of(&[(".active/containers/c/picos/ec1.conf", pico), container], "ec1").enabled;
    assert!(enabled("template : none"));
    assert!(enabled("settings.state : enabled"));
    assert!(!enabled("settings.state : ${common.state}"));
}
