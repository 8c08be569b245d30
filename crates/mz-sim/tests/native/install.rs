//! Installation: the resulting files, and refused descriptions.

use std::fs;
use std::process::Command;

use mz_sim::{Installation, PicoKind, PicoSpec};

use crate::rehearsal::{MZ_SIM, Rehearsal, Said, said};

fn mz_sim(args: &[&str]) -> Said {
    said(Command::new(MZ_SIM).args(args).output().unwrap())
}

#[test]
fn install_command_lays_out_what_the_library_does() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("mz");
    let path = home.to_str().unwrap();
    let made = mz_sim(&[
        "install",
        path,
        "--container",
        "exec7",
        "--pico",
        "EC_1:ec:27001",
        "--pico",
        "sc.1:sc",
        "--property",
        "EC_1:mz.ha.enabled=false",
        "--set",
        "EC_1.start_time=5s",
    ]);
    assert_eq!(made.code, 0, "{made:?}");
    let mz = Installation::open(&home).unwrap();
    assert_eq!(mz.container(), "exec7");
    let registry = mz.registry().unwrap();
    assert_eq!(registry.picos().unwrap(), ["EC_1", "sc.1"]);
    let ec = registry.pico("EC_1").unwrap().unwrap();
    assert_eq!(
        (ec.kind, ec.property("mz.ha.port"), ec.property("mz.ha.enabled")),
        (PicoKind::Ec, Some("27001"), Some("false"))
    );
    assert_eq!(ec.values["settings.state"], "enabled");
    assert!(ec.jvm_args().any(|arg| arg == "-Xms64M"), "from the template");
    assert_eq!(registry.pico("sc.1").unwrap().unwrap().property("mz.ha.port"), Some("26001"));
    assert_eq!(mz_sim(&["set", path, "EC_1.start_time=7s"]).code, 0);
    assert_eq!(mz.settings().unwrap().text(&mz_sim::settings::START_TIME, "EC_1"), "7s");

    let again = mz_sim(&["install", path]);
    assert_eq!(
        (again.code, again.text.contains("not empty; name a new or empty directory")),
        (1, true),
        "{again:?}"
    );
}

#[test]
fn invalid_arguments_are_refused_and_leave_no_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mz");
    let path = path.to_str().unwrap();
    for (args, word) in [
        (vec!["install", path, "--set", "strat_time=1s"], "start_time"),
        (vec!["install", path, "--set", "start_time=soon"], "200ms"),
        (vec!["install", path, "--pico", "ec1:pc"], "NAME:TYPE"),
        (vec!["install", path, "--pico", "ec1:ec:0"], "NAME:TYPE"),
        (vec!["install", path, "--pico", "../ec1:ec"], "NAME:TYPE"),
        (vec!["install", path, "--pico", "ec1:ec", "--property", "ec2:a=b"], "ec2"),
        (vec!["install", path, "--owner", "no-such-user"], "no-such-user"),
        (vec!["set", path, "start_time=1s"], "sim/container"),
    ] {
        let said = mz_sim(&args);
        assert_eq!((said.code, said.text.contains(word)), (1, true), "{args:?}: {said:?}");
        assert!(!fs::exists(path).unwrap(), "{args:?} left files");
    }
    assert!(mz_sim(&["settings"]).text.contains("ec_startup_without_platform = fail"));
}

#[test]
fn property_has_one_value_in_each_hocon_notation() {
    let mz = Rehearsal::new(false, &[]);
    let conf = mz.mz.pico_config_path("ec1");
    for text in [
        "config { properties { mz { ha { port : 1234 } } } }",
        "config.properties.mz.ha.port = 1234",
        "config { properties { \"mz.ha.port\" : \"1234\" } }",
        "config { properties { mz.ha { port : 9, port : 1234 } } } // a later value counts",
    ] {
        fs::write(&conf, format!("template : \"mz.standard-ec\"\n{text}\n")).unwrap();
        let get = "topo get --format data-only topo://container:main1/pico:ec1/val:config.properties.mz.ha.port";
        assert_eq!(mz.mzsh(get), Said { code: 0, text: "1234\n".into() }, "{text}");
    }
    fs::write(&conf, "config { properties {").unwrap();
    let broken = mz.mzsh("status ec1");
    assert_eq!((broken.code, broken.text.contains("ec1.conf")), (1, true), "{broken:?}");
}

#[test]
fn topo_get_prints_set_values_and_fails_on_unset_ones() {
    let mz = Rehearsal::new(false, &[]);
    let port = mz.mz.registry().unwrap().platform_rcp().1.to_owned();
    let shown = format!("topo://val:common.pico.rcp.platform.port : {port}\n");
    assert_eq!(
        mz.mzsh("topo get topo://val:common.pico.rcp.platform.port"),
        Said { code: 0, text: shown }
    );
    assert_eq!(mz.mzsh("topo get topo://val:common.none").code, 1);
    assert_eq!(mz.mzsh("topo get topo://container:other/pico:ec1/val:template").code, 1);
    let env = mz.mzsh("topo env").text;
    for line in [format!("MZ_HOME={}", mz.mz.home().display()), "MZ_CONTAINER=main1".into()] {
        assert!(env.lines().any(|seen| seen == line), "{line} in {env}");
    }
}

#[test]
fn java_home_without_java_exits_127() {
    let mz = Rehearsal::new(false, &[]);
    let out = said(
        Command::new(mz.mz.mzsh()).arg("status").env("JAVA_HOME", "/nowhere").output().unwrap(),
    );
    assert_eq!(
        (out.code, out.text.contains("/nowhere/bin/java: not found")),
        (127, true),
        "{out:?}"
    );
}

#[test]
fn mzsh_actions_are_for_the_owner_and_status_for_everybody() {
    let dir = tempfile::tempdir().unwrap();
    let (mz, owner) = if nix::unistd::geteuid().is_root() {
        let builder = Installation::builder(dir.path().join("mz"))
            .binary(MZ_SIM)
            .owner("nobody")
            .free_ports(true);
        (builder.pico(PicoSpec::new("platform", PicoKind::Platform)).install().unwrap(), "nobody")
    } else {
        // A user who can't change the owner of a directory takes one of another owner: the root
        // directory.
        (
            Installation::builder(dir.path().join("mz"))
                .binary(MZ_SIM)
                .free_ports(true)
                .install()
                .unwrap(),
            "root",
        )
    };
    let home = if owner == "root" { std::path::Path::new("/") } else { mz.home() };
    for verb in ["startup", "shutdown", "kill", "restart", "service", "topo"] {
        let mut mzsh = Command::new(mz.java());
        mzsh.arg("-cp").arg(mz.ha_jar()).arg(format!("-Dmz.home={}", home.display()));
        let said = said(
            mzsh.args(["com.digitalroute.picostart.cmdline.CommandLine", verb, "platform"])
                .output()
                .unwrap(),
        );
        assert_eq!(
            (
                said.code,
                said.text
                    .contains(&format!("must be run by the owner of {}, {owner}.", home.display()))
            ),
            (1, true),
            "{verb}: {said:?}"
        );
    }
    let status = said(Command::new(mz.mzsh()).args(["status", "platform"]).output().unwrap());
    assert_eq!(status, Said { code: 2, text: "platform is not running\n".into() });
}

#[test]
fn java_without_jar_reports_missing_main_class() {
    let mz = Rehearsal::new(false, &[]);
    fs::remove_file(mz.mz.ha_jar()).unwrap();
    let said = mz.ha("ec1", &[]);
    assert_eq!(
        (said.code, said.text.contains("Could not find or load main class")),
        (1, true),
        "{said:?}"
    );
}

#[test]
fn mzsh_of_execution_container_uses_platform_host() {
    let mzsh = |pico: &str| {
        let dir = tempfile::tempdir().unwrap();
        let builder = Installation::builder(dir.path().join("mz")).binary(MZ_SIM).free_ports(true);
        let spec = PicoSpec::parse(pico).unwrap();
        let made = builder.pico(spec).common("pico.rcp.platform.host", "mzplat").install().unwrap();
        fs::read_to_string(made.mzsh()).unwrap()
    };
    assert!(mzsh("ec1:ec").contains("MZ_PLATFORM='http://mzplat:9000'"));
    assert!(
        mzsh("platform:platform").contains("MZ_PLATFORM='http://localhost:"),
        "the Platform is here"
    );
}
