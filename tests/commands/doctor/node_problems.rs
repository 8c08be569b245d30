//! Problems of the node.

use testkit::fake_process::FakeProcess;
use testkit::fixture::{AgentKind, Fixture, FixtureBuilder, fixture};
use testkit::{TestResult, TestkitError};

use super::{
    CIB, DoctorResult, VALID_CIB, build_fixture, doctor_command, fixture_with_platform_and_ec,
    install_drop_in, problems, run_json,
};

/// A problem of the node, and its expected finding.
struct NodeCase {
    builder: fn() -> FixtureBuilder,
    /// Shell commands that cause it.
    setup: &'static str,
    /// Level, area, text.
    expected: (&'static str, &'static str, &'static str),
}

fn ec_builder() -> FixtureBuilder {
    fixture(AgentKind::Ec)
}

const NODE_CASES: &[NodeCase] = &[
    NodeCase {
        builder: ec_builder,
        setup: "chmod a-x /opt/mz/bin/mzsh",
        expected: ("error", "installation", "bin/mzsh is not an executable file"),
    },
    NodeCase {
        builder: ec_builder,
        setup: "sed -i 's/state : enabled/state : disabled/' /opt/mz/common/config/cell/default/.active/containers/main1/picos/ec1.conf",
        expected: ("error", "registry", "disabled"),
    },
    NodeCase {
        builder: || ec_builder().pico("ec2:ec:26001"),
        setup: "",
        expected: ("error", "ports", "port 26001: claimed by ec1 of /opt/mz (mz.ha.port) and ec2"),
    },
    NodeCase {
        builder: || ec_builder().property("ec1:mz.ha.enabled=false"),
        setup: "",
        expected: ("warning", "ha_monitor", "mz.ha.enabled is not true"),
    },
    NodeCase {
        builder: ec_builder,
        setup: "python3 -c 'import socket,time; s=socket.socket(); s.bind((\"127.0.0.1\", 26001)); s.listen(); print(\"up\", flush=True); time.sleep(1000)' >/tmp/up 2>&1 & \
            until grep -q up /tmp/up; do :; done",
        expected: ("error", "ports", "port 26001: mz.ha.port is held by pid "),
    },
    NodeCase {
        builder: ec_builder,
        setup: "chmod o+w /run/testkit/resource.d/mediationzone",
        expected: ("error", "agents", "writable by other users"),
    },
    NodeCase {
        builder: ec_builder,
        setup: "sed -i 's,|| JAVA_HOME=.*,|| JAVA_HOME=/opt/jdk,' /opt/mz/bin/mzsh",
        expected: ("warning", "java", "JAVA_HOME: /opt/jdk/bin/java does not exist"),
    },
    NodeCase {
        builder: ec_builder,
        setup: "sed -i 's,|| JAVA_HOME=.*,|| JAVA_HOME=$(ls -d /opt/mz/java),' /opt/mz/bin/mzsh",
        expected: (
            "warning",
            "java",
            "java_home: not checked (not set, and bin/mzsh does not name its java)",
        ),
    },
    NodeCase {
        builder: ec_builder,
        setup: "cd /run/testkit/resource.d/mediationzone; umount /usr/lib/ocf/resource.d/mediationzone/ui ui; rm ui",
        expected: ("warning", "agents", "ui: /usr/lib/ocf/resource.d/mediationzone/ui: not found"),
    },
    NodeCase {
        builder: ec_builder,
        setup: "cd /run/testkit/resource.d/mediationzone; umount /usr/lib/ocf/resource.d/mediationzone/ec ec; rm ec",
        expected: ("error", "agents", "ec: /usr/lib/ocf/resource.d/mediationzone/ec: not found"),
    },
    NodeCase {
        builder: ec_builder,
        setup: r#"cd /run/testkit/resource.d/mediationzone; umount /usr/lib/ocf/resource.d/mediationzone/ui ui; printf '#!/bin/sh\nif [ $1 = meta-data ]; then echo "<resource-agent version=\"9.9\"/>"; else echo ui 9.9; fi\n' >ui"#,
        expected: ("warning", "agents", "ui: version 9.9, but this program is "),
    },
    NodeCase {
        builder: ec_builder,
        setup: r#"cd /run/testkit/resource.d/mediationzone; umount /usr/lib/ocf/resource.d/mediationzone/ui ui; printf '#!/bin/sh\necho ui "$1"\n' >ui"#,
        expected: ("error", "agents", "ui: no metadata: no XML"),
    },
    NodeCase {
        builder: ec_builder,
        setup: "printf '# mzsh startup x\n@reboot mzadmin /opt/mz/bin/mzsh startup platform\n' >/etc/cron.d/mz",
        expected: ("error", "other_starters", "/etc/cron.d/mz:2: @reboot"),
    },
    NodeCase {
        builder: ec_builder,
        setup: "printf '[Service]\nExecStart=/opt/mz/bin/mzsh \\\\\n startup ec1\n' >/usr/lib/systemd/system/mz.service",
        expected: ("warning", "other_starters", "/usr/lib/systemd/system/mz.service:2: ExecStart"),
    },
    NodeCase {
        builder: ec_builder,
        setup: "printf '[Service]\nExecStart=mzsh startup ec1\n' >/etc/systemd/system/mz.service; mkdir /etc/systemd/system/timers.target.wants; \
            ln -s ../mz.timer /etc/systemd/system/timers.target.wants/",
        expected: ("error", "other_starters", "/etc/systemd/system/mz.service:2"),
    },
    NodeCase {
        builder: ec_builder,
        setup: "mkdir -p ~mzadmin/.config/systemd/user; printf '[Service]\nExecStart=java com.digitalroute.picostart.PicoStart ec1\n' >~mzadmin/.config/systemd/user/mz.service",
        expected: ("warning", "other_starters", ".config/systemd/user/mz.service:2"),
    },
    NodeCase {
        builder: ec_builder,
        setup: "ln -s /opt/mz/local/mz.init /etc/init.d/mz",
        expected: (
            "warning",
            "other_starters",
            "/etc/init.d/mz: is a link to /opt/mz/local/mz.init",
        ),
    },
    NodeCase {
        builder: ec_builder,
        setup: "rm /etc/systemd/system/pacemaker.service.d/50-mediationzone.conf",
        expected: ("warning", "pacemaker_service", "OOMPolicy: not set in pacemaker.service"),
    },
    NodeCase {
        builder: ec_builder,
        setup: "sed -i s/Service/Unit/ /etc/systemd/system/pacemaker.service.d/50-mediationzone.conf",
        expected: ("warning", "pacemaker_service", "OOMPolicy: not set in pacemaker.service"),
    },
    NodeCase {
        builder: ec_builder,
        setup: "rm -r /etc/systemd/system/pacemaker.service*; mkdir -p /run/systemd/system",
        expected: ("warning", "pacemaker_service", "OOMPolicy: not checked (no pacemaker.service"),
    },
];

#[test]
fn each_node_problem_is_the_only_one_reported() -> TestResult {
    let mut failed = Vec::new();
    for wrong in NODE_CASES {
        let fixture = build_fixture((wrong.builder)())?;
        fixture.sh(wrong.setup)?;
        let rows = run_json(doctor_command(&fixture, &[]))?;
        let found = problems(&rows);
        let (level, area, words) = wrong.expected;
        let expected = |row: &&DoctorResult| row.matches(level, area, words);
        // One problem may affect both resources, or be found by two checks.
        if !found.iter().any(expected)
            || found.iter().any(|row| row.area != area && row.area != "ha_monitor")
        {
            failed.push(format!("{level} {area} {words}: {found:#?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

/// By its daemon, or by its node type in the configuration.
#[test]
fn remote_node_is_checked_for_pacemaker_remote_unit() -> TestResult {
    const REMOTE_UNIT: &str = "pacemaker_remote.service";
    let fixture = build_fixture(ec_builder())?;
    fixture
        .node
        .write(format!("/etc/systemd/system/{REMOTE_UNIT}"), "[Service]\nKillMode=process\n")?;
    let policy = || -> Result<(String, String), TestkitError> {
        let rows = run_json(doctor_command(&fixture, &[]))?;
        let of_it: Vec<&DoctorResult> =
            rows.iter().filter(|row| row.area == "pacemaker_service").collect();
        let [row] = of_it.as_slice() else { panic!("{rows:#?}") };
        Ok((row.level.clone(), row.seen.clone()))
    };
    let is = |level: &str, unit: &str| -> TestResult {
        let (its_level, seen) = policy()?;
        assert!(its_level == level && seen.contains(&format!("in {unit}")), "{its_level} {seen}");
        Ok(())
    };
    let hostname = fixture.sh("hostname")?;
    let named = |node: &str| {
        VALID_CIB.replace(
            r#"<node id="3" uname="n3"/>"#,
            &format!("{node}{}", r#"<node id="3" uname="n3"/>"#),
        )
    };
    let member = named("").replace("uname=\"n3\"", &format!("uname=\"{}\"", hostname.trim()));
    fixture.node.write(CIB, member)?;
    is("ok", "pacemaker.service")?;
    let remote = format!(r#"<node id="far" type="remote" uname="{}"/>"#, hostname.trim());
    fixture.node.write(CIB, named(&remote))?;
    is("warning", REMOTE_UNIT)?;
    install_drop_in(&fixture, REMOTE_UNIT)?;
    is("ok", REMOTE_UNIT)?;
    // A running daemon is better evidence than the configuration; the kernel truncates its name.
    let daemon = |program: &str| {
        FakeProcess::for_program(&format!("/opt/imitated/bin/{program}"), &[program])
            .user(0)
            .start(&fixture)
    };
    fixture.sh(&format!("rm -r /etc/systemd/system/{REMOTE_UNIT}.d"))?;
    fixture.node.write(CIB, VALID_CIB)?;
    daemon("pacemaker-remot")?;
    is("warning", REMOTE_UNIT)?;
    // That of a container, on a cluster node.
    daemon("pacemakerd")?;
    is("ok", "pacemaker.service")
}

#[test]
fn unreadable_registry_file_is_an_error() -> TestResult {
    let file = "/opt/mz/common/config/cell/default/.active/containers/main1/picos/ec1.conf";
    let too_large = format!("head -c 300000 /dev/zero | tr '\\0' '#' >>{file}");
    for (break_it, words) in [
        (too_large, "ec1.conf: is longer than 256 KiB"),
        (format!("echo '}}' >>{file}"), "ec1.conf:"),
    ] {
        let fixture = ec_builder().commands().build()?;
        fixture.sh(&break_it)?;
        let rows = run_json(doctor_command(&fixture, &["--pico", "ec1", "--type", "ec"]))?;
        let row = rows
            .iter()
            .find(|row| row.matches("error", "registry", "the registry can't be read: /opt/mz/"));
        assert!(row.is_some_and(|row| row.seen.contains(words) && row.todo.is_some()), "{rows:#?}");
    }
    Ok(())
}

#[test]
fn storage_mounted_by_cluster_elsewhere_is_a_warning() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    fixture.sh("mv /opt/mz /opt/away; mkdir /opt/mz")?;
    let rows = run_json(doctor_command(&fixture, &[]))?;
    assert!(
        rows.iter().any(|row| row.matches("error", "installation", "/opt/mz is empty")),
        "{rows:#?}"
    );
    let mount = r#"<resources><primitive id="mz-fs" class="ocf" provider="heartbeat" type="Filesystem">
        <instance_attributes id="f"><nvpair id="f1" name="directory" value="/opt/mz"/></instance_attributes></primitive>"#;
    fixture.node.write(CIB, VALID_CIB.replace("<resources>", mount))?;
    let rows = run_json(doctor_command(&fixture, &[]))?;
    let row = rows.iter().find(|row| row.matches("warning", "installation", "/opt/mz is empty"));
    assert!(
        row.is_some_and(|row| row
            .todo
            .as_ref()
            .is_some_and(|todo| todo.contains("mz-fs mounts it"))),
        "{rows:#?}"
    );
    assert!(
        !rows.iter().any(|row| row.level == "error" && row.area == "installation"),
        "{rows:#?}"
    );
    // The owner of the mount point is not the owner of the installation, so the owner has to be configured.
    let users = |rows: &[DoctorResult]| {
        rows.iter().filter(|row| row.area == "user").cloned().collect::<Vec<_>>()
    };
    let unknown = users(&rows);
    assert_eq!(unknown.len(), 2, "{rows:#?}");
    assert!(unknown.iter().all(|row| row.matches(
        "warning",
        "user",
        "os_user: not set: the pico's user is unknown while /opt/mz is not mounted by mz-fs"
    )));
    // Where it is mounted, the same; and then the user is known.
    fixture.sh("rmdir /opt/mz; mv /opt/away /opt/mz")?;
    let owner = format!("os_user={}", fixture.node.owner());
    let known = users(&run_json(doctor_command(&fixture, &[]))?);
    assert!(
        known.len() == 2
            && known.iter().all(|row| row.level == "warning" && row.todo == Some(owner.clone())),
        "{known:#?}"
    );
    let with = VALID_CIB.replace("<resources>", mount).replace(
        r#"name="mz_home" value="/opt/mz"/>"#,
        &format!(
            r#"name="mz_home" value="/opt/mz"/><nvpair id="USER" name="os_user" value="{}"/>"#,
            fixture.node.owner()
        ),
    );
    fixture.node.write(CIB, with.replacen("USER", "u1", 1).replacen("USER", "u2", 1))?;
    assert!(users(&run_json(doctor_command(&fixture, &[]))?).iter().all(|row| row.level == "ok"));
    Ok(())
}

#[test]
fn run_without_root_is_a_warning() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    let rows = run_json(doctor_command(&fixture, &["--pico", "ec1", "--type", "ec"]).user(65534))?;
    assert!(
        rows.iter().any(|row| row.matches("warning", "cluster", "user: not root")),
        "{rows:#?}"
    );
    Ok(())
}

/// A running pico, the change of its HA Monitor Server, and the endpoint.
type NotListening = (fn() -> FixtureBuilder, fn(&Fixture) -> TestResult, &'static str);

const NOT_LISTENING: [NotListening; 3] = [
    (
        || ec_builder().property("ec1:mz.ha.enabled=false"),
        |fixture| fixture.change_registry("enabled : false", "enabled : true"),
        "127.0.0.1:26001",
    ),
    (ec_builder, |fixture| fixture.change_registry("26001", "26007"), "127.0.0.1:26007"),
    (ec_builder, |fixture| fixture.close_ha("127.0.0.1", 26001), "127.0.0.1:26001"),
];

#[test]
fn a_pico_that_does_not_listen_where_the_registry_says_is_to_be_restarted() -> TestResult {
    for (builder, make, endpoint) in NOT_LISTENING {
        let fixture = build_fixture(builder())?;
        let jvm = fixture.start()?;
        make(&fixture)?;
        let rows = run_json(doctor_command(&fixture, &[]))?;
        let words = format!("mz.ha.port: {endpoint}: not listening (pid {})", jvm.pid);
        let found: Vec<&DoctorResult> =
            problems(&rows).into_iter().filter(|row| row.area == "ha_monitor").collect();
        let [row] = found.as_slice() else { panic!("{rows:#?}") };
        assert!(row.matches("warning", "ha_monitor", &words), "{row:#?}");
        assert!(
            row.todo
                .as_deref()
                .is_some_and(|todo| todo.starts_with("restart the pico to make it effective"))
        );
        fixture.mzsh(&["restart", "ec1"])?.expect_code(0)?;
        let rows = run_json(doctor_command(&fixture, &[]))?;
        assert!(rows.iter().all(|row| row.area != "ha_monitor" || row.level == "ok"), "{rows:#?}");
    }
    Ok(())
}

#[test]
fn a_pico_that_could_not_be_checked_for_long_is_a_warning() -> TestResult {
    let fixture = build_fixture(ec_builder())?;
    fixture.agent().instance("mz-ec1").run("start")?.expect_code(0)?;
    fixture.sh("mv /opt/mz/lib/ha.jar /opt/mz/lib/away.jar")?;
    let monitor =
        |depth| fixture.recurring_monitor(depth).instance("mz-ec1").run("monitor")?.expect_code(0);
    let words = |depth| format!("monitor depth {depth}: not checked since ");
    for run in 1..=10 {
        for depth in [10, 20] {
            monitor(depth)?;
        }
        if [9, 10].contains(&run) {
            let rows = run_json(doctor_command(&fixture, &[]))?;
            for depth in [10, 20] {
                let is_told =
                    |row: &DoctorResult| row.matches("warning", "operations", &words(depth));
                let told: Vec<&DoctorResult> = rows.iter().filter(|row| is_told(row)).collect();
                assert_eq!(told.len(), usize::from(run == 10), "{rows:#?}");
                assert!(told.iter().all(|row| row.seen.contains(" UTC (10 runs): ")), "{told:#?}");
            }
        }
    }
    // Nothing remains to be checked for a dead pico.
    fixture.signal(fixture.single_pico("ec1")?.pid, "KILL")?;
    let rows = run_json(doctor_command(&fixture, &[]))?;
    assert!(rows.iter().all(|row| !row.seen.contains("not checked since")), "{rows:#?}");
    Ok(())
}

#[test]
fn drop_in_is_not_missed_where_each_pico_has_a_scope() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    fixture.sh("rm /etc/systemd/system/pacemaker.service.d/50-mediationzone.conf")?;
    for (with_scope, expected) in
        [(1, "not set"), (2, "not set in pacemaker.service; each pico has")]
    {
        let scope =
            r#"name="mz_home" value="/opt/mz"/><nvpair id="NUMBER" name="scope" value="auto"/>"#;
        let cib = (0..with_scope).fold(VALID_CIB.to_owned(), |cib, number| {
            let scope = scope.replace("NUMBER", &format!("scope-{number}"));
            // Other quotes: the next round is to find the next resource.
            cib.replacen(
                "name=\"mz_home\" value=\"/opt/mz\"/>",
                &scope.replace("name=\"mz_home\"", "name='mz_home'"),
                1,
            )
        });
        fixture.node.write(CIB, cib)?;
        let rows = run_json(doctor_command(&fixture, &[]))?;
        let row = rows.iter().find(|row| row.check == "OOMPolicy").expect("a row");
        assert!(row.seen.starts_with(expected), "{row:?}");
        assert_eq!(row.level == "ok", with_scope == 2, "{row:?}");
    }
    Ok(())
}
