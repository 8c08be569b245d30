use super::*;
use pico::PicoType;

/// A configuration with these sections.
fn parse_sections(sections: &str) -> Cib {
    Cib::parse(&format!("<configuration>{sections}</configuration>")).unwrap()
}

fn parse_resources(inner: &str) -> Cib {
    parse_sections(&format!("<resources>{inner}</resources>"))
}

fn primitive(kind: &str, name: &str, inner: &str) -> String {
    format!(
        r#"<primitive id="{name}" class="ocf" provider="mediationzone" type="{kind}">{inner}</primitive>"#
    )
}

fn attribute_set(tag: &str, more: &str, pairs: &[(&str, &str)]) -> String {
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!(r#"<nvpair id="" name="{name}" value="{value}"/>"#));
    format!("<{tag} {more}>{}</{tag}>", pairs.collect::<String>())
}

fn parameters(cib: &Cib, name: &str) -> Vec<(String, String)> {
    let parameters = &cib.resource(name).unwrap().resource.parameters;
    parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[test]
fn own_primitives_are_found_in_groups_clones_and_bundles() {
    let cib = parse_resources(&format!(
        r#"{}<group id="g">{}<primitive id="ip" class="ocf" provider="heartbeat" type="IPaddr2">{}</primitive>
        <primitive id="fs" class="ocf" provider="heartbeat" type="Filesystem">{}</primitive></group>
        <clone id="c">{}</clone><clone id="c2"><group id="g2">{}</group></clone>
        <bundle id="b">{}</bundle>{}<primitive id="fence" class="stonith" type="fence_sbd">{}</primitive>"#,
        primitive("platform", "mz", ""),
        primitive("ui", "in-group", ""),
        attribute_set("instance_attributes", "", &[("ip", "192.0.2.100")]),
        attribute_set("instance_attributes", "", &[("directory", "/opt/mz")]),
        primitive("ec", "in-clone", ""),
        primitive("sc", "in-both", ""),
        primitive("ec", "in-bundle", ""),
        primitive("unheard-of", "other", ""),
        attribute_set("instance_attributes", "", &[("pcmk_delay_max", "15s")]),
    ));
    let names: Vec<&str> = cib.resources.iter().map(ConfiguredResource::name).collect();
    assert_eq!(names, ["mz", "in-group", "in-clone", "in-both", "in-bundle"]);
    assert_eq!(cib.resource("mz").unwrap().resource.kind, PicoType::Platform);
    let both = cib.resource("in-both").unwrap();
    assert!(both.answers_to("g2") && both.answers_to("c2") && both.enclosing_clone().is_some());
    assert!(cib.resource("in-group").unwrap().enclosing_clone().is_none());
    assert_eq!(
        cib.file_systems,
        [FileSystem { name: "fs".to_owned(), directory: "/opt/mz".to_owned() }]
    );
    let [ip] = cib.addresses.as_slice() else { panic!("{:?}", cib.addresses) };
    assert_eq!((ip.name.as_str(), ip.address.as_deref()), ("ip", Some("192.0.2.100")));
    assert!(ip.answers_to("ip") && ip.answers_to("g") && !ip.answers_to("mz"));
    assert_eq!(cib.fencing.len(), 1);
    assert_eq!(cib.fencing[0].parameters["pcmk_delay_max"], "15s");
    assert_eq!(cib.skipped, Vec::<String>::new());
}

#[test]
fn bundle_of_several_instances_counts_as_a_clone() {
    for (attributes, several) in [
        ("", false),
        (r#"replicas="1""#, false),
        (r#"replicas="3""#, true),
        (r#"promoted-max="2""#, true),
    ] {
        let platform = primitive("platform", "mz", "");
        let bundle =
            format!(r#"<bundle id="b"><podman image="mz" {attributes}/>{platform}</bundle>"#);
        let cib = parse_resources(&bundle);
        assert_eq!(
            cib.resource("mz").unwrap().enclosing_clone().is_some(),
            several,
            "{attributes}"
        );
    }
}

/// `crm_resource --get-parameter` has the same precedence (suite `commands`).
#[test]
fn attribute_set_with_higher_score_wins_then_the_later_one() {
    let sets = [
        attribute_set("instance_attributes", "", &[("mz_home", "/first"), ("os_user", "only")]),
        attribute_set("instance_attributes", "", &[("mz_home", "/second"), ("wait", "1")]),
        attribute_set("instance_attributes", r#"score="5""#, &[("wait", "2")]),
        attribute_set(
            "instance_attributes",
            r#"score="-INFINITY""#,
            &[("wait", "3"), ("java_home", "/low")],
        ),
    ];
    let cib = parse_resources(&primitive("platform", "mz", &sets.concat()));
    let expected =
        [("java_home", "/low"), ("mz_home", "/second"), ("os_user", "only"), ("wait", "2")];
    assert_eq!(parameters(&cib, "mz"), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
}

#[test]
fn template_fills_in_what_the_primitive_leaves_out() {
    let cib = parse_resources(&format!(
        r#"<template id="t" class="ocf" provider="mediationzone" type="ec">{}{}
        <operations><op id="1" name="monitor" interval="10s" timeout="33s"/><op id="2" name="start" interval="0" timeout="44s"/></operations>
        </template><primitive id="mz" template="t">{}<operations><op id="3" name="monitor" interval="20"/></operations></primitive>"#,
        attribute_set("instance_attributes", "", &[("pico_name", "tmpl"), ("mz_home", "/tmpl")]),
        attribute_set("meta_attributes", "", &[("priority", "5")]),
        attribute_set("instance_attributes", "", &[("pico_name", "own")]),
    ));
    let mz = cib.resource("mz").unwrap();
    assert_eq!(mz.resource.kind, PicoType::ExecutionContext);
    assert_eq!(
        (mz.resource.parameters["pico_name"].as_str(), mz.resource.parameters["mz_home"].as_str()),
        ("own", "/tmpl")
    );
    assert_eq!(mz.meta["priority"], "5");
    let ops: Vec<_> = mz
        .operations
        .iter()
        .map(|op| (op.action.as_str(), op.interval.as_secs(), op.timeout))
        .collect();
    assert_eq!(ops, [("monitor", 20, None), ("start", 0, Some(Duration::from_secs(44)))]);
}

#[test]
fn id_ref_resolves_to_its_element_or_to_nothing() {
    let cib = parse_resources(&format!(
        "{}{}{}",
        primitive(
            "ec",
            "one",
            &format!(
                r#"{}<operations id="ops"><op id="m" name="monitor" interval="7s"/></operations>"#,
                r#"<instance_attributes id="shared"><nvpair id="home" name="mz_home" value="/shared"/></instance_attributes>"#,
            )
        ),
        primitive(
            "ec",
            "two",
            r#"<instance_attributes id-ref="shared"/><operations id-ref="ops"/>"#
        ),
        primitive(
            "ec",
            "three",
            r#"<instance_attributes id="3"><nvpair id-ref="home" name="java_home"/><nvpair id-ref="none"/></instance_attributes><operations id-ref="none"/>"#
        ),
    ));
    assert_eq!(parameters(&cib, "two"), [("mz_home".to_owned(), "/shared".to_owned())]);
    assert_eq!(cib.resource("two").unwrap().operations.len(), 1);
    assert_eq!(parameters(&cib, "three"), [("java_home".to_owned(), "/shared".to_owned())]);
}

#[test]
fn attribute_set_with_rule_is_skipped_and_named() {
    let ruled = r#"<instance_attributes id="by-night"><rule id="r" score="0"/><nvpair id="" name="mz_home" value="/night"/></instance_attributes>"#;
    let cib = parse_sections(&format!(
        r#"<op_defaults><meta_attributes id="by-type"><rule id="o" score="0"/></meta_attributes></op_defaults>
        <resources>{}</resources>"#,
        primitive("ec", "mz", ruled)
    ));
    assert_eq!(parameters(&cib, "mz"), []);
    assert_eq!(
        cib.skipped,
        [
            "by-type depends on a rule, which is not evaluated",
            "mz: by-night depends on a rule, which is not evaluated"
        ]
    );
}

#[test]
fn operation_attribute_wins_over_its_sets_and_defaults_come_last() {
    let operation = format!(
        r#"<operations><op id="a" name="start" interval="0" timeout="7m">{0}</op><op id="b" name="stop" interval="0"/>
        <op id="c" name="monitor" interval="1500ms" enabled="off" on-fail="block">{1}{0}</op>
        <op id="d" name="notify" interval="soon"/></operations>"#,
        attribute_set("meta_attributes", "", &[("timeout", "9s")]),
        attribute_set("instance_attributes", "", &[("OCF_CHECK_LEVEL", "10")]),
    );
    let cib = parse_sections(&format!(
        r#"<rsc_defaults>{}</rsc_defaults><op_defaults>{}</op_defaults><resources><clone id="c">{}<group id="g">{}{}</group></clone></resources>"#,
        attribute_set(
            "meta_attributes",
            "",
            &[("migration-threshold", "3"), ("priority", "1"), ("is-managed", "true")]
        ),
        attribute_set("meta_attributes", "", &[("timeout", "45")]),
        attribute_set("meta_attributes", "", &[("priority", "2"), ("is-managed", "false")]),
        attribute_set("meta_attributes", "", &[("priority", "3")]),
        primitive("ec", "mz", &operation),
    ));
    let mz = cib.resource("mz").unwrap();
    assert_eq!(
        (
            mz.meta["migration-threshold"].as_str(),
            mz.meta["priority"].as_str(),
            mz.meta["is-managed"].as_str()
        ),
        ("3", "3", "false")
    );
    let of = |action: &str| mz.operations.iter().find(|op| op.action == action).unwrap();
    assert_eq!(of("start").effective_timeout().as_secs(), 420);
    assert_eq!(of("stop").effective_timeout().as_secs(), 45);
    let monitor = of("monitor");
    assert_eq!(
        (monitor.interval.as_millis(), monitor.depth, monitor.effective_timeout().as_secs()),
        (1500, 10, 9)
    );
    assert!(!monitor.enabled && of("start").enabled);
    assert_eq!(monitor.on_fail.as_deref(), Some("block"));
    assert_eq!(
        cib.misread,
        ["mz: interval=soon of operation notify: Pacemaker can't read it, and takes 0"]
    );
}

#[test]
fn operation_without_timeout_has_pacemakers_default() {
    let cib = parse_resources(&primitive(
        "ec",
        "mz",
        r#"<operations><op id="a" name="start" interval="0"/></operations>"#,
    ));
    assert_eq!(cib.resource("mz").unwrap().operations[0].effective_timeout(), DEFAULT_TIMEOUT);
}

#[test]
fn order_restarts_dependent_unless_optional_or_asymmetrical() {
    let cib = parse_sections(
        r#"<constraints>
        <rsc_order id="default" first="a" then="b"/>
        <rsc_order id="optional" first="a" then="b" kind="Optional"/>
        <rsc_order id="mandatory" first="a" then="b" first-action="start" then-action="start" kind="Mandatory"/>
        <rsc_order id="one-way" first="a" then="b" symmetrical="false"/>
        <rsc_order id="zero" first="a" then="b" score="0"/>
        <rsc_order id="infinity" first="a" then="b" score="INFINITY"/>
        <rsc_order id="serialize" first="a" then="b" kind="Serialize"/>
        <rsc_order id="of-stops" first="a" then="b" first-action="stop"/>
        <rsc_order id="sets"><resource_set id="s1"><resource_ref id="a"/><resource_ref id="b"/></resource_set>
            <resource_set id="s2" sequential="false"><resource_ref id="c"/><resource_ref id="d"/></resource_set></rsc_order>
        </constraints>"#,
    );
    let seen: Vec<_> = cib
        .orders
        .iter()
        .filter(|o| o.id != "sets")
        .map(|o| (o.id.as_str(), o.mandatory, o.restarts))
        .collect();
    let expected = [
        ("default", true, true),
        ("optional", false, false),
        ("mandatory", true, true),
        ("one-way", true, false),
        ("zero", false, false),
        ("infinity", true, true),
        ("serialize", false, false),
    ];
    assert_eq!(seen, expected);
    let pairs: Vec<_> = cib
        .orders
        .iter()
        .filter(|o| o.id == "sets")
        .map(|o| format!("{}{}", o.first, o.then))
        .collect();
    assert_eq!(pairs, ["ab", "ac", "ad", "bc", "bd"]);
}

#[test]
fn colocation_is_forced_only_with_infinite_score() {
    let cib = parse_sections(
        r#"<constraints><rsc_colocation id="1" rsc="a" with-rsc="b" score="INFINITY"/><rsc_colocation id="2" rsc="a" with-rsc="b" score="100"/>
        <rsc_colocation id="3" rsc="a" with-rsc="b" score="-INFINITY"/><rsc_colocation id="4" rsc="a" with-rsc="b"/>
        <rsc_colocation id="5" score="INFINITY"><resource_set id="s"><resource_ref id="a"/><resource_ref id="b"/></resource_set></rsc_colocation></constraints>"#,
    );
    let forced: Vec<_> =
        cib.colocations.iter().filter(|c| c.forced).map(|c| c.id.as_str()).collect();
    assert_eq!(forced, ["1", "5"]);
    assert_eq!(
        (cib.colocations[0].follower.as_str(), cib.colocations[0].anchor.as_str()),
        ("a", "b")
    );
}

#[test]
fn cluster_options_and_member_nodes_are_read() {
    let cib = parse_sections(&format!(
        r#"<crm_config>{}</crm_config><nodes><node id="1" uname="n1"/><node id="2" uname="n2" type="member"/><node id="r" uname="far" type="remote"/></nodes>"#,
        attribute_set(
            "cluster_property_set",
            r#"id="cib-bootstrap-options""#,
            &[("stonith-enabled", "false")]
        ),
    ));
    assert_eq!(cib.options["stonith-enabled"], "false");
    assert_eq!(cib.nodes, ["n1", "n2"]);
    assert_eq!(cib.remote_nodes, ["far"]);
    assert!(["true", "ON", "yes", "y", "1"].iter().all(|word| is_true(word)));
    assert!(["false", "off", "", "2"].iter().all(|word| !is_true(word)));
}

#[test]
fn joined_node_with_expected_down_is_stale_unless_shutdown_was_requested() {
    let held = |state: &str, inner: &str| {
        let other = r#"<node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"/>"#;
        let state = format!(
            r#"<status>{other}<node_state id="3" uname="n3" {state}>{inner}</node_state></status>"#
        );
        node_state::parse_stale_states(&state)
    };
    let joined = r#"in_ccm="true" crmd="online" join="member""#;
    let down = &format!(r#"{joined} expected="down""#);
    let asked = |value| {
        let pair = format!(r#"<nvpair id="s" name="shutdown" value="{value}"/>"#);
        format!(
            "<transient_attributes><instance_attributes>{pair}</instance_attributes></transient_attributes>"
        )
    };
    let (n3, nobody) = ([StaleNodeState { name: "n3".to_owned(), id: "3".to_owned() }], []);
    assert_eq!(held(down, ""), n3);
    assert_eq!(held(down, &asked("0")), n3);
    assert_eq!(
        held(r#"in_ccm="1795396041" crmd="1795396042" join="member" expected="down""#, ""),
        n3
    );
    assert_eq!(held(down, &asked("1795396041")), nobody);
    assert_eq!(held(&format!(r#"{joined} expected="member""#), ""), nobody);
    for off in [
        r#"in_ccm="false" crmd="online" join="member" expected="down""#,
        r#"in_ccm="true" crmd="offline" join="member" expected="down""#,
        r#"in_ccm="true" crmd="online" join="down" expected="down""#,
        r#"in_ccm="0" crmd="0" join="member" expected="down""#,
    ] {
        assert_eq!(held(off, ""), nobody, "{off}");
    }
    for none in ["<status/>", "<status><a></status>", ""] {
        assert_eq!(node_state::parse_stale_states(none), nobody, "{none}");
    }
}
