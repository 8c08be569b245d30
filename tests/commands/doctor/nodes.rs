//! What is wrong on the node.

use testkit::imitation::Imitation;
use testkit::site::{Builder, Kind, Site, site};
use testkit::{Done, Error};

use super::{CIB, Row, WELL, both, doctor, drop_in, found, node, rows_of};

/// Something that is wrong on the node, and what has to come of it.
struct Wrong {
    site: fn() -> Builder,
    /// A line for the shell that makes it wrong.
    break_it: &'static str,
    /// Level, area, words.
    row: (&'static str, &'static str, &'static str),
}

fn ec() -> Builder {
    site(Kind::Ec)
}

const NODES: &[Wrong] = &[
    Wrong {
        site: ec,
        break_it: "chmod a-x /opt/mz/bin/mzsh",
        row: ("error", "installation", "bin/mzsh is not an executable file"),
    },
    Wrong {
        site: ec,
        break_it: "sed -i 's/state : enabled/state : disabled/' /opt/mz/common/config/cell/default/.active/containers/main1/picos/ec1.conf",
        row: ("error", "registry", "disabled"),
    },
    Wrong {
        site: || ec().pico("ec2:ec:26001"),
        break_it: "",
        row: ("error", "ports", "port 26001: ec1 of /opt/mz (mz.ha.port) and ec2"),
    },
    Wrong {
        site: || ec().property("ec1:mz.ha.enabled=false"),
        break_it: "",
        row: ("warning", "ha_monitor", "mz.ha.enabled is not true"),
    },
    Wrong {
        site: ec,
        break_it: "python3 -c 'import socket,time; s=socket.socket(); s.bind((\"127.0.0.1\", 26001)); s.listen(); print(\"up\", flush=True); time.sleep(1000)' >/tmp/up 2>&1 & \
            until grep -q up /tmp/up; do :; done",
        row: ("error", "ports", "port 26001: mz.ha.port is held by pid "),
    },
    Wrong {
        site: ec,
        break_it: "chmod o+w /run/testkit/resource.d/mediationzone",
        row: ("error", "agents", "can be written by others"),
    },
    Wrong {
        site: ec,
        break_it: "sed -i 's,|| JAVA_HOME=.*,|| JAVA_HOME=/opt/jdk,' /opt/mz/bin/mzsh",
        row: ("warning", "java", "JAVA_HOME: /opt/jdk/bin/java does not exist"),
    },
    Wrong {
        site: ec,
        break_it: "sed -i 's,|| JAVA_HOME=.*,|| JAVA_HOME=$(ls -d /opt/mz/java),' /opt/mz/bin/mzsh",
        row: (
            "warning",
            "java",
            "java_home: not set, and bin/mzsh does not tell which java it takes: not looked at",
        ),
    },
    Wrong {
        site: ec,
        break_it: "cd /run/testkit/resource.d/mediationzone; umount /usr/lib/ocf/resource.d/mediationzone/ui ui; rm ui",
        row: ("warning", "agents", "ui: /usr/lib/ocf/resource.d/mediationzone/ui is not there"),
    },
    Wrong {
        site: ec,
        break_it: "cd /run/testkit/resource.d/mediationzone; umount /usr/lib/ocf/resource.d/mediationzone/ec ec; rm ec",
        row: ("error", "agents", "ec: /usr/lib/ocf/resource.d/mediationzone/ec is not there"),
    },
    Wrong {
        site: ec,
        break_it: r#"cd /run/testkit/resource.d/mediationzone; umount /usr/lib/ocf/resource.d/mediationzone/ui ui; printf '#!/bin/sh\nif [ $1 = meta-data ]; then echo "<resource-agent version=\"9.9\"/>"; else echo ui 9.9; fi\n' >ui"#,
        row: ("warning", "agents", "ui is version 9.9, this program "),
    },
    Wrong {
        site: ec,
        break_it: r#"cd /run/testkit/resource.d/mediationzone; umount /usr/lib/ocf/resource.d/mediationzone/ui ui; printf '#!/bin/sh\necho ui "$1"\n' >ui"#,
        row: ("error", "agents", "ui gives no metadata: no XML"),
    },
    Wrong {
        site: ec,
        break_it: "printf '# mzsh startup x\n@reboot mzadmin /opt/mz/bin/mzsh startup platform\n' >/etc/cron.d/mz",
        row: ("error", "other_starters", "/etc/cron.d/mz:2: @reboot"),
    },
    Wrong {
        site: ec,
        break_it: "printf '[Service]\nExecStart=/opt/mz/bin/mzsh \\\\\n startup ec1\n' >/usr/lib/systemd/system/mz.service",
        row: ("warning", "other_starters", "/usr/lib/systemd/system/mz.service:2: ExecStart"),
    },
    Wrong {
        site: ec,
        break_it: "printf '[Service]\nExecStart=mzsh startup ec1\n' >/etc/systemd/system/mz.service; mkdir /etc/systemd/system/timers.target.wants; \
            ln -s ../mz.timer /etc/systemd/system/timers.target.wants/",
        row: ("error", "other_starters", "/etc/systemd/system/mz.service:2"),
    },
    Wrong {
        site: ec,
        break_it: "mkdir -p ~mzadmin/.config/systemd/user; printf '[Service]\nExecStart=java com.digitalroute.picostart.PicoStart ec1\n' >~mzadmin/.config/systemd/user/mz.service",
        row: ("warning", "other_starters", ".config/systemd/user/mz.service:2"),
    },
    Wrong {
        site: ec,
        break_it: "ln -s /opt/mz/local/mz.init /etc/init.d/mz",
        row: ("warning", "other_starters", "/etc/init.d/mz: is a link to /opt/mz/local/mz.init"),
    },
    Wrong {
        site: ec,
        break_it: "rm /etc/systemd/system/pacemaker.service.d/50-mediationzone.conf",
        row: ("warning", "pacemaker_service", "OOMPolicy: not set in pacemaker.service"),
    },
    Wrong {
        site: ec,
        break_it: "sed -i s/Service/Unit/ /etc/systemd/system/pacemaker.service.d/50-mediationzone.conf",
        row: ("warning", "pacemaker_service", "OOMPolicy: not set in pacemaker.service"),
    },
    Wrong {
        site: ec,
        break_it: "rm -r /etc/systemd/system/pacemaker.service*; mkdir -p /run/systemd/system",
        row: ("warning", "pacemaker_service", "OOMPolicy: not looked at: there is no pacemaker.service"),
    },
];

#[test]
fn each_thing_that_is_wrong_on_the_node_is_found_and_nothing_else() -> Done {
    let mut failed = Vec::new();
    for wrong in NODES {
        let site = node((wrong.site)())?;
        site.sh(wrong.break_it)?;
        let rows = rows_of(doctor(&site, &[]))?;
        let found = found(&rows);
        let (level, area, words) = wrong.row;
        let expected = |row: &&Row| row.is(level, area, words);
        // One thing may be wrong for both resources, or be seen from two sides.
        if !found.iter().any(expected) || found.iter().any(|row| row.area != area && row.area != "ha_monitor")
        {
            failed.push(format!("{level} {area} {words}: {found:#?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

/// By its daemon, or by its kind of node in the configuration.
#[test]
fn on_a_remote_node_the_unit_is_pacemaker_remotes() -> Done {
    const REMOTE: &str = "pacemaker_remote.service";
    let site = node(ec())?;
    site.node.write(format!("/etc/systemd/system/{REMOTE}"), "[Service]\nKillMode=process\n")?;
    let policy = || -> Result<(String, String), Error> {
        let rows = rows_of(doctor(&site, &[]))?;
        let of_it: Vec<&Row> = rows.iter().filter(|row| row.area == "pacemaker_service").collect();
        let [row] = of_it.as_slice() else { panic!("{rows:#?}") };
        Ok((row.level.clone(), row.seen.clone()))
    };
    let is = |level: &str, unit: &str| -> Done {
        let (its_level, seen) = policy()?;
        assert!(its_level == level && seen.contains(&format!("in {unit}")), "{its_level} {seen}");
        Ok(())
    };
    let hostname = site.sh("hostname")?;
    let named = |node: &str| {
        WELL.replace(r#"<node id="3" uname="n3"/>"#, &format!("{node}{}", r#"<node id="3" uname="n3"/>"#))
    };
    let member = named("").replace("uname=\"n3\"", &format!("uname=\"{}\"", hostname.trim()));
    site.node.write(CIB, member)?;
    is("ok", "pacemaker.service")?;
    let remote = format!(r#"<node id="far" type="remote" uname="{}"/>"#, hostname.trim());
    site.node.write(CIB, named(&remote))?;
    is("warning", REMOTE)?;
    drop_in(&site, REMOTE)?;
    is("ok", REMOTE)?;
    // What runs is surer; the kernel cuts its name off.
    let daemon = |program: &str| {
        Imitation::of(&format!("/opt/imitated/bin/{program}"), &[program]).user(0).start(&site)
    };
    site.sh(&format!("rm -r /etc/systemd/system/{REMOTE}.d"))?;
    site.node.write(CIB, WELL)?;
    daemon("pacemaker-remot")?;
    is("warning", REMOTE)?;
    // That of a container, on a node of the cluster.
    daemon("pacemakerd")?;
    is("ok", "pacemaker.service")
}

#[test]
fn a_file_of_the_registry_that_cant_be_read_is_an_error() -> Done {
    let file = "/opt/mz/common/config/cell/default/.active/containers/main1/picos/ec1.conf";
    let too_large = format!("head -c 300000 /dev/zero | tr '\\0' '#' >>{file}");
    for (break_it, words) in
        [(too_large, "ec1.conf: is longer than 256 KiB"), (format!("echo '}}' >>{file}"), "ec1.conf:")]
    {
        let site = ec().commands().build()?;
        site.sh(&break_it)?;
        let rows = rows_of(doctor(&site, &["--pico", "ec1", "--type", "ec"]))?;
        let row = rows.iter().find(|row| row.is("error", "registry", "the registry can't be read: /opt/mz/"));
        assert!(row.is_some_and(|row| row.seen.contains(words) && row.todo.is_some()), "{rows:#?}");
    }
    Ok(())
}

#[test]
fn storage_that_the_cluster_mounts_elsewhere_is_no_error_here() -> Done {
    let site = both()?;
    site.sh("mv /opt/mz /opt/away; mkdir /opt/mz")?;
    let rows = rows_of(doctor(&site, &[]))?;
    assert!(rows.iter().any(|row| row.is("error", "installation", "/opt/mz is empty")), "{rows:#?}");
    let mount = r#"<resources><primitive id="mz-fs" class="ocf" provider="heartbeat" type="Filesystem">
        <instance_attributes id="f"><nvpair id="f1" name="directory" value="/opt/mz"/></instance_attributes></primitive>"#;
    site.node.write(CIB, WELL.replace("<resources>", mount))?;
    let rows = rows_of(doctor(&site, &[]))?;
    let row = rows.iter().find(|row| row.is("warning", "installation", "/opt/mz is empty"));
    assert!(
        row.is_some_and(|row| row.todo.as_ref().is_some_and(|todo| todo.contains("mz-fs mounts it"))),
        "{rows:#?}"
    );
    assert!(!rows.iter().any(|row| row.level == "error" && row.area == "installation"), "{rows:#?}");
    // The owner of the mount point is not the owner of the installation, so who that is must be said.
    let users = |rows: &[Row]| rows.iter().filter(|row| row.area == "user").cloned().collect::<Vec<_>>();
    let unknown = users(&rows);
    assert_eq!(unknown.len(), 2, "{rows:#?}");
    assert!(unknown.iter().all(|row| row.is(
        "warning",
        "user",
        "os_user: not set: while /opt/mz is not mounted by mz-fs"
    )));
    // Here, too, where it is mounted; and then the user is known.
    site.sh("rmdir /opt/mz; mv /opt/away /opt/mz")?;
    let owner = format!("os_user={}", site.node.owner());
    let known = users(&rows_of(doctor(&site, &[]))?);
    assert!(
        known.len() == 2 && known.iter().all(|row| row.level == "warning" && row.todo == Some(owner.clone())),
        "{known:#?}"
    );
    let with = WELL.replace("<resources>", mount).replace(
        r#"name="mz_home" value="/opt/mz"/>"#,
        &format!(
            r#"name="mz_home" value="/opt/mz"/><nvpair id="USER" name="os_user" value="{}"/>"#,
            site.node.owner()
        ),
    );
    site.node.write(CIB, with.replacen("USER", "u1", 1).replacen("USER", "u2", 1))?;
    assert!(users(&rows_of(doctor(&site, &[]))?).iter().all(|row| row.level == "ok"));
    Ok(())
}

#[test]
fn whoever_is_not_root_is_told_that_it_is_not_the_whole_truth() -> Done {
    let site = both()?;
    let rows = rows_of(doctor(&site, &["--pico", "ec1", "--type", "ec"]).user(65534))?;
    assert!(rows.iter().any(|row| row.is("warning", "cluster", "user: not root")), "{rows:#?}");
    Ok(())
}

/// A pico that runs, what becomes of its HA Monitor Server, and the endpoint.
type NotListening = (fn() -> Builder, fn(&Site) -> Done, &'static str);

const NOT_LISTENING: [NotListening; 3] = [
    (
        || ec().property("ec1:mz.ha.enabled=false"),
        |site| site.change_registry("enabled : false", "enabled : true"),
        "127.0.0.1:26001",
    ),
    (ec, |site| site.change_registry("26001", "26007"), "127.0.0.1:26007"),
    (ec, |site| site.close_ha("127.0.0.1", 26001), "127.0.0.1:26001"),
];

#[test]
fn a_pico_that_does_not_listen_where_the_registry_says_is_to_be_restarted() -> Done {
    for (builder, make, endpoint) in NOT_LISTENING {
        let site = node(builder())?;
        let jvm = site.start()?;
        make(&site)?;
        let rows = rows_of(doctor(&site, &[]))?;
        let words = format!("mz.ha.port: {endpoint}: not listening: pid {} ", jvm.pid);
        let found: Vec<&Row> = found(&rows).into_iter().filter(|row| row.area == "ha_monitor").collect();
        let [row] = found.as_slice() else { panic!("{rows:#?}") };
        assert!(row.is("warning", "ha_monitor", &words), "{row:#?}");
        assert!(
            row.todo.as_deref().is_some_and(|todo| todo.starts_with("restart the pico to make it effective"))
        );
        site.mzsh(&["restart", "ec1"])?.expect(0)?;
        let rows = rows_of(doctor(&site, &[]))?;
        assert!(rows.iter().all(|row| row.area != "ha_monitor" || row.level == "ok"), "{rows:#?}");
    }
    Ok(())
}

#[test]
fn a_pico_that_could_not_be_checked_for_long_is_a_warning() -> Done {
    let site = node(ec())?;
    site.agent().instance("mz-ec1").run("start")?.expect(0)?;
    site.sh("mv /opt/mz/lib/ha.jar /opt/mz/lib/away.jar")?;
    let monitor = |depth| site.recurring(depth).instance("mz-ec1").run("monitor")?.expect(0);
    let words = |depth| format!("monitor depth {depth}: not checked since ");
    for run in 1..=10 {
        for depth in [10, 20] {
            monitor(depth)?;
        }
        if [9, 10].contains(&run) {
            let rows = rows_of(doctor(&site, &[]))?;
            for depth in [10, 20] {
                let is_told = |row: &Row| row.is("warning", "operations", &words(depth));
                let told: Vec<&Row> = rows.iter().filter(|row| is_told(row)).collect();
                assert_eq!(told.len(), usize::from(run == 10), "{rows:#?}");
                assert!(told.iter().all(|row| row.seen.contains(" UTC (10 runs): ")), "{told:#?}");
            }
        }
    }
    // Of one that has ended nothing is left to be checked.
    site.signal(site.one("ec1")?.pid, "KILL")?;
    let rows = rows_of(doctor(&site, &[]))?;
    assert!(rows.iter().all(|row| !row.seen.contains("not checked since")), "{rows:#?}");
    Ok(())
}
