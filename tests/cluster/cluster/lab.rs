//! The lab itself.

use std::fs;
use std::path::Path;
use std::time::Duration;

use lab::site::site;
use lab::witness::{self, Expected};
use lab::{Control, Done, Lab, directory};
use testkit::{Programs, wait_until};

/// Longer than the kernel takes to end a namespace.
const SOON: Duration = Duration::from_secs(20);

/// Two labs at once have the same names and addresses and nothing to do with each other.
#[test]
fn two_labs_at_once() -> Done {
    let (one, two) = (Lab::named("two_labs-one", 1)?, Lab::named("two_labs-two", 1)?);
    one.node("n1").sh("echo one >/etc/whose; echo one >/srv/whose")?;
    for file in ["/etc/whose", "/srv/whose"] {
        assert_eq!(one.node("n1").sh(&format!("cat {file}"))?, "one\n");
        let other = two.node("n1").try_exec(&["cat", file])?;
        assert_ne!(other.code(), Some(0), "{other}");
    }
    one.down()?;
    assert!(two.status()?.quorum, "the other still works");
    two.down()
}

/// A lab is gone with all that is in it when it is taken down, and when it is dropped it leaves the logs of its nodes.
#[test]
fn nothing_is_left() -> Done {
    let lab = Lab::named("nothing_is_left", 1)?;
    let dir = lab.control().dir().to_owned();
    let machine = || (fs::read_to_string("/proc/self/mounts").unwrap_or_default(), links());
    let (before, here) = (machine(), dir.display().to_string());
    assert!(!before.0.contains(&here), "no mount of the lab is the machine's: {}", before.0);
    lab.node("n1").sh("setsid sleep 1000000 </dev/null >/dev/null 2>&1 &")?;
    drop(lab);
    until_no_process_of(&here)?;
    assert!(dir.join("logs/n1/var/log/pacemaker/pacemaker.log").is_file(), "logs below {here}");
    assert_eq!(machine(), before, "mounts and network interfaces of the machine");
    fs::remove_dir_all(&dir).expect("what is left of it are files");
    Ok(())
}

/// A lab ends with the test that wanted it, also when that is killed, and the next one of the same name comes up.
#[test]
fn it_ends_with_who_wanted_it() -> Done {
    let programs = Programs::all()?;
    let control = Control::new(directory(&programs).join("it_ends_with_who_wanted_it"));
    let leash = control.up(1, &programs, true)?;
    assert!(control.init().is_some());
    // All that the kernel does for a process that is killed.
    drop(leash);
    until_no_process_of(&control.dir().display().to_string())?;
    Lab::named("it_ends_with_who_wanted_it", 1)?.down()?;
    assert!(!control.dir().exists(), "{} is left", control.dir().display());
    Ok(())
}

/// Where nothing is fenced and quorum does not count, a pulled cable has two Platforms live at once: the witness sees them, so that its
/// silence in every other scenario means something.
#[test]
fn the_witness_sees_two_platforms() -> Done {
    let site = site().up()?;
    site.node("n1").sh("crm_attribute --name stonith-enabled --update false
        crm_attribute --name no-quorum-policy --update ignore")?;
    site.lab.settle()?;
    site.node("n1").cut()?;
    site.until_ready("platform", "n2")?;
    let expected = [("platform", &["n2"][..], 2), ("ec1", &["n3"], 1), ("ec2", &["n2"], 1)];
    let expected = expected.map(|(pico, on, lives)| Expected { pico, on, lives });
    let broken = witness::judge(&site.lives()?, &expected);
    let said =
        broken.iter().any(|broken| broken.0.starts_with("platform is alive twice at once: platform on n1"));
    assert!(said, "{broken:?}");
    site.lab.down()
}

/// Names of the machine's network interfaces.
fn links() -> Vec<String> {
    let links = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let mut names: Vec<String> = links.map(|link| link.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// No process is in a node of this lab, nor is it one of its scripts.
fn until_no_process_of(lab: &str) -> Done {
    wait_until("the end of all processes of the lab", SOON, || {
        let mut left = Vec::new();
        for entry in fs::read_dir("/proc").map_err(|e| e.to_string())?.flatten() {
            let proc = entry.path();
            let in_node = fs::read_to_string(proc.join("root/etc/lab")).is_ok_and(|at| at.trim_end() == lab);
            let words = fs::read(proc.join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            if in_node || words.contains(&format!("{lab}/script")) {
                left.push(format!("{} {words}", proc.file_name().map_or(Path::new(""), Path::new).display()));
            }
        }
        if left.is_empty() { Ok(()) } else { Err(left.join("\n")) }
    })
}
