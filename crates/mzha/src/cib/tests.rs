use super::*;
use pico::PicoType;

/// A configuration with these sections.
fn cib(sections: &str) -> Cib {
    Cib::parse(&format!("<configuration>{sections}</configuration>")).unwrap()
}

fn resources(inner: &str) -> Cib {
    cib(&format!("<resources>{inner}</resources>"))
}

fn ours(kind: &str, name: &str, inner: &str) -> String {
    format!(
        r#"<primitive id="{name}" class="ocf" provider="mediationzone" type="{kind}">{inner}</primitive>"#
    )
}

fn set(tag: &str, more: &str, pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!(r#"<nvpair id="" name="{name}" value="{value}"/>"#));
    format!("<{tag} {more}>{}</{tag}>", pairs.collect::<String>())
}

fn parameters(cib: &Cib, name: &str) -> Vec<(String, String)> {
    let parameters = &cib.resource(name).unwrap().resource.parameters;
    parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[test]
fn ours_are_found_wherever_they_are_and_nobody_elses() {
    let cib = resources(&format!(
        r#"{}<group id="g">{}<primitive id="ip" class="ocf" provider="heartbeat" type="IPaddr2">{}</primitive>
        <primitive id="fs" class="ocf" provider="heartbeat" type="Filesystem">{}</primitive></group>
        <clone id="c">{}</clone><clone id="c2"><group id="g2">{}</group></clone>
        <bundle id="b">{}</bundle>{}<primitive id="fence" class="stonith" type="fence_sbd">{}</primitive>"#,
        ours("platform", "mz", ""),
        ours("ui", "in-group", ""),
        set("instance_attributes", "", &[("ip", "192.0.2.100")]),
        set("instance_attributes", "", &[("directory", "/opt/mz")]),
        ours("ec", "in-clone", ""),
        ours("sc", "in-both", ""),
        ours("ec", "in-bundle", ""),
        ours("unheard-of", "other", ""),
        set("instance_attributes", "", &[("pcmk_delay_max", "15s")]),
    ));
    let names: Vec<&str> = cib.resources.iter().map(Configured::name).collect();
    assert_eq!(names, ["mz", "in-group", "in-clone", "in-both", "in-bundle"]);
    assert_eq!(cib.resource("mz").unwrap().resource.kind, PicoType::Platform);
    let both = cib.resource("in-both").unwrap();
    assert!(both.answers_to("g2") && both.answers_to("c2") && both.cloned_by().is_some());
    assert!(cib.resource("in-group").unwrap().cloned_by().is_none());
    assert_eq!(cib.file_systems, [FileSystem { name: "fs".to_owned(), directory: "/opt/mz".to_owned() }]);
    let [ip] = cib.addresses.as_slice() else { panic!("{:?}", cib.addresses) };
    assert_eq!((ip.name.as_str(), ip.address.as_deref()), ("ip", Some("192.0.2.100")));
    assert!(ip.answers_to("ip") && ip.answers_to("g") && !ip.answers_to("mz"));
    assert_eq!(cib.fencing.len(), 1);
    assert_eq!(cib.fencing[0].parameters["pcmk_delay_max"], "15s");
    assert_eq!(cib.left_out, Vec::<String>::new());
}

#[test]
fn bundle_of_several_instances_counts_as_a_clone() {
    for (attributes, several) in
        [("", false), (r#"replicas="1""#, false), (r#"replicas="3""#, true), (r#"promoted-max="2""#, true)]
    {
        let platform = ours("platform", "mz", "");
        let bundle = format!(r#"<bundle id="b"><podman image="mz" {attributes}/>{platform}</bundle>"#);
        let cib = resources(&bundle);
        assert_eq!(cib.resource("mz").unwrap().cloned_by().is_some(), several, "{attributes}");
    }
}

/// The order of precedence is Pacemaker's: `crm_resource --get-parameter` gives the same (suite `commands`).
#[test]
fn of_several_sets_the_higher_score_counts_and_then_the_later_one() {
    let sets = [
        set("instance_attributes", "", &[("mz_home", "/first"), ("os_user", "only")]),
        set("instance_attributes", "", &[("mz_home", "/second"), ("wait", "1")]),
        set("instance_attributes", r#"score="5""#, &[("wait", "2")]),
        set("instance_attributes", r#"score="-INFINITY""#, &[("wait", "3"), ("java_home", "/low")]),
    ];
    let cib = resources(&ours("platform", "mz", &sets.concat()));
    let expected = [("java_home", "/low"), ("mz_home", "/second"), ("os_user", "only"), ("wait", "2")];
    assert_eq!(parameters(&cib, "mz"), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
}

#[test]
fn a_template_gives_what_the_primitive_does_not_say() {
    let cib = resources(&format!(
        r#"<template id="t" class="ocf" provider="mediationzone" type="ec">{}{}
        <operations><op id="1" name="monitor" interval="10s" timeout="33s"/><op id="2" name="start" interval="0" timeout="44s"/></operations>
        </template><primitive id="mz" template="t">{}<operations><op id="3" name="monitor" interval="20"/></operations></primitive>"#,
        set("instance_attributes", "", &[("pico_name", "tmpl"), ("mz_home", "/tmpl")]),
        set("meta_attributes", "", &[("priority", "5")]),
        set("instance_attributes", "", &[("pico_name", "own")]),
    ));
    let mz = cib.resource("mz").unwrap();
    assert_eq!(mz.resource.kind, PicoType::ExecutionContext);
    assert_eq!(
        (mz.resource.parameters["pico_name"].as_str(), mz.resource.parameters["mz_home"].as_str()),
        ("own", "/tmpl")
    );
    assert_eq!(mz.meta["priority"], "5");
    let ops: Vec<_> =
        mz.operations.iter().map(|op| (op.action.as_str(), op.interval.as_secs(), op.timeout)).collect();
    assert_eq!(ops, [("monitor", 20, None), ("start", 0, Some(Duration::from_secs(44)))]);
}

#[test]
fn references_lead_to_what_they_name_or_to_nothing() {
    let cib = resources(&format!(
        "{}{}{}",
        ours(
            "ec",
            "one",
            &format!(
                r#"{}<operations id="ops"><op id="m" name="monitor" interval="7s"/></operations>"#,
                r#"<instance_attributes id="shared"><nvpair id="home" name="mz_home" value="/shared"/></instance_attributes>"#,
            )
        ),
        ours("ec", "two", r#"<instance_attributes id-ref="shared"/><operations id-ref="ops"/>"#),
        ours(
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
fn what_depends_on_a_rule_is_left_out_and_named() {
    let ruled = r#"<instance_attributes id="by-night"><rule id="r" score="0"/><nvpair id="" name="mz_home" value="/night"/></instance_attributes>"#;
    let cib = cib(&format!(
        r#"<op_defaults><meta_attributes id="by-type"><rule id="o" score="0"/></meta_attributes></op_defaults>
        <resources>{}</resources>"#,
        ours("ec", "mz", ruled)
    ));
    assert_eq!(parameters(&cib, "mz"), []);
    assert_eq!(
        cib.left_out,
        [
            "by-type depends on a rule, which is not evaluated",
            "mz: by-night depends on a rule, which is not evaluated"
        ]
    );
}

#[test]
fn defaults_stand_behind_everything_and_an_operation_before_its_own_sets() {
    let operation = format!(
        r#"<operations><op id="a" name="start" interval="0" timeout="7m">{0}</op><op id="b" name="stop" interval="0"/>
        <op id="c" name="monitor" interval="1500ms" enabled="off" on-fail="block">{1}{0}</op>
        <op id="d" name="notify" interval="soon"/></operations>"#,
        set("meta_attributes", "", &[("timeout", "9s")]),
        set("instance_attributes", "", &[("OCF_CHECK_LEVEL", "10")]),
    );
    let cib = cib(&format!(
        r#"<rsc_defaults>{}</rsc_defaults><op_defaults>{}</op_defaults><resources><clone id="c">{}<group id="g">{}{}</group></clone></resources>"#,
        set(
            "meta_attributes",
            "",
            &[("migration-threshold", "3"), ("priority", "1"), ("is-managed", "true")]
        ),
        set("meta_attributes", "", &[("timeout", "45")]),
        set("meta_attributes", "", &[("priority", "2"), ("is-managed", "false")]),
        set("meta_attributes", "", &[("priority", "3")]),
        ours("ec", "mz", &operation),
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
    assert_eq!(of("start").allowed().as_secs(), 420);
    assert_eq!(of("stop").allowed().as_secs(), 45);
    let monitor = of("monitor");
    assert_eq!((monitor.interval.as_millis(), monitor.depth, monitor.allowed().as_secs()), (1500, 10, 9));
    assert!(!monitor.enabled && of("start").enabled);
    assert_eq!(monitor.on_fail.as_deref(), Some("block"));
    assert_eq!(cib.misread, ["mz: interval=soon of operation notify: Pacemaker can't read it, and takes 0"]);
}

#[test]
fn an_operation_without_any_time_out_has_pacemakers() {
    let cib =
        resources(&ours("ec", "mz", r#"<operations><op id="a" name="start" interval="0"/></operations>"#));
    assert_eq!(cib.resource("mz").unwrap().operations[0].allowed(), DEFAULT_TIMEOUT);
}

#[test]
fn an_order_restarts_unless_it_is_optional_or_holds_one_way() {
    let cib = cib(r#"<constraints>
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
        </constraints>"#);
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
    let pairs: Vec<_> =
        cib.orders.iter().filter(|o| o.id == "sets").map(|o| format!("{}{}", o.first, o.then)).collect();
    assert_eq!(pairs, ["ab", "ac", "ad", "bc", "bd"]);
}

#[test]
fn only_a_colocation_of_infinity_is_forced() {
    let cib = cib(
        r#"<constraints><rsc_colocation id="1" rsc="a" with-rsc="b" score="INFINITY"/><rsc_colocation id="2" rsc="a" with-rsc="b" score="100"/>
        <rsc_colocation id="3" rsc="a" with-rsc="b" score="-INFINITY"/><rsc_colocation id="4" rsc="a" with-rsc="b"/>
        <rsc_colocation id="5" score="INFINITY"><resource_set id="s"><resource_ref id="a"/><resource_ref id="b"/></resource_set></rsc_colocation></constraints>"#,
    );
    let forced: Vec<_> = cib.colocations.iter().filter(|c| c.forced).map(|c| c.id.as_str()).collect();
    assert_eq!(forced, ["1", "5"]);
    assert_eq!((cib.colocations[0].follower.as_str(), cib.colocations[0].anchor.as_str()), ("a", "b"));
}

#[test]
fn options_and_nodes_are_the_clusters() {
    let cib = cib(&format!(
        r#"<crm_config>{}</crm_config><nodes><node id="1" uname="n1"/><node id="2" uname="n2" type="member"/><node id="r" uname="far" type="remote"/></nodes>"#,
        set("cluster_property_set", r#"id="cib-bootstrap-options""#, &[("stonith-enabled", "false")]),
    ));
    assert_eq!(cib.options["stonith-enabled"], "false");
    assert_eq!(cib.nodes, ["n1", "n2"]);
    assert_eq!(cib.remote_nodes, ["far"]);
    assert!(["true", "ON", "yes", "y", "1"].iter().all(|word| is_true(word)));
    assert!(["false", "off", "", "2"].iter().all(|word| !is_true(word)));
}

#[test]
fn who_has_joined_and_is_expected_to_leave_is_held_unless_he_was_asked_to() {
    let held = |state: &str, inner: &str| {
        let other =
            r#"<node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"/>"#;
        let state =
            format!(r#"<status>{other}<node_state id="3" uname="n3" {state}>{inner}</node_state></status>"#);
        members::read(&state)
    };
    let joined = r#"in_ccm="true" crmd="online" join="member""#;
    let down = &format!(r#"{joined} expected="down""#);
    let asked = |value| {
        let pair = format!(r#"<nvpair id="s" name="shutdown" value="{value}"/>"#);
        format!(
            "<transient_attributes><instance_attributes>{pair}</instance_attributes></transient_attributes>"
        )
    };
    let (n3, nobody) = ([Held { name: "n3".to_owned(), id: "3".to_owned() }], []);
    assert_eq!(held(down, ""), n3);
    assert_eq!(held(down, &asked("0")), n3);
    assert_eq!(held(r#"in_ccm="1795396041" crmd="1795396042" join="member" expected="down""#, ""), n3);
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
        assert_eq!(members::read(none), nobody, "{none}");
    }
}
