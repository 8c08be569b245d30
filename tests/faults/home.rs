//! The installation of a process, as that process sees it: in a mount namespace of its own, or on storage that hangs.

use std::time::Duration;

use testkit::answer::{Answer, NOT_RUNNING, OK};
use testkit::imitation::Imitation;
use testkit::site::{Kind, Site, in_short, site};
use testkit::{Done, Error, Held, Hung, Process};

use crate::cells::{CLASS, Is, NAMED, cell, check};

/// Asking the storage of somebody else's would take longer.
const QUICK: Duration = Duration::from_secs(3);

/// A java of the owner's in a mount namespace of its own is the Platform where the path that it has for its installation leads, in that
/// namespace, to our directory, by whatever path; and it is ignored where another directory is mounted there.
#[test]
fn java_in_another_mount_namespace_is_told_by_the_place_of_its_home() -> Done {
    let named = |home: &str| {
        let home = format!("-Dmz.home={home}");
        Imitation::java(&["java", &home, NAMED, CLASS, "platform"])
    };
    check(vec![
        cell("the same directory", Is::Pico, named("/opt/mz").in_mount_namespace("true")),
        cell(
            "the same directory, by MZ_HOME",
            Is::Pico,
            Imitation::java(&["java", NAMED, CLASS]).env("MZ_HOME", "/opt/mz").in_mount_namespace("true"),
        ),
        cell(
            "the same directory by another path",
            Is::Pico,
            named("/opt/there").in_mount_namespace("mkdir -p /opt/there; mount --bind /opt/mz /opt/there"),
        ),
        cell(
            "the same directory by a link that only leads there in that namespace",
            Is::Pico,
            named("/srv/link/mz").in_mount_namespace("mount -t tmpfs tmpfs /srv; ln -s /opt /srv/link"),
        ),
        cell(
            "the same directory, to be in",
            Is::Pico,
            named(".").directory("/opt/mz").in_mount_namespace("true"),
        ),
        cell(
            "another file system under the same path",
            Is::Ignored,
            named("/opt/mz").in_mount_namespace("mount -t tmpfs tmpfs /opt/mz"),
        ),
        cell(
            "another directory of the same file system under the same path",
            Is::Ignored,
            named("/opt/mz").in_mount_namespace("mkdir -p /opt/theirs; mount --bind /opt/theirs /opt/mz"),
        ),
        cell(
            "another file system under the same path, to be in",
            Is::Ignored,
            named(".").directory("/opt/mz").in_mount_namespace("mount -t tmpfs tmpfs /opt/mz"),
        ),
    ])
}

/// Homes of another installation; the directory in the first place hangs.
const OTHERS: [(&str, &str); 2] = [("/opt/other", "/opt/other"), ("/opt/storage", "/opt/storage/other")];

/// A second installation of the same user, whose Platform runs, and whose storage hangs.
fn beside_hanging_storage((storage, home): (&str, &str)) -> Result<(Site, Process, Hung), Error> {
    let site = site(Kind::Platform).build()?;
    site.sh(&format!("mkdir -p {storage}"))?;
    site.second(home, &["--free-ports", "--set", "start_time=50ms"])?;
    site.mzsh_of(home, &["startup", "platform"])?.expect(0)?;
    let other = site.one_of(home, "platform")?;
    let hung = site.node.hang(storage, Held::Everything)?;
    Ok((site, other, hung))
}

/// At most one process waits for the storage of the other installation, however often it was looked at.
#[track_caller]
fn at_most_one_is_left(site: &Site) -> Done {
    let mut left = site.processes()?;
    left.retain(|process| process.state == 'D');
    assert!(left.len() <= 1, "{}", in_short(&left));
    Ok(())
}

/// The Platform of another installation, whose storage hangs, is no reason to doubt that ours does not run, and is left alone: probe and monitors
/// say so, a stop succeeds, at once; and no run leaves a process that waits for that storage.
#[test]
fn storage_of_another_installation_that_hangs_makes_nothing_of_ours_doubtful() -> Done {
    for other in OTHERS {
        let (site, other, hung) = beside_hanging_storage(other)?;
        for _ in 0..3 {
            for level in [0, 10] {
                let ran = site.monitor(level)?.answers(NOT_RUNNING);
                assert!(ran.wall < QUICK, "{ran}");
            }
            let probe = site.probe()?.answers(NOT_RUNNING);
            assert!(probe.wall < QUICK, "{probe}");
            let stop = site.stop()?.answers(OK).silently();
            assert!(stop.wall < QUICK, "{stop}");
            at_most_one_is_left(&site)?;
        }
        assert!(site.lives(&other)?);
        hung.release();
    }
    Ok(())
}

/// Beside it our own Platform is started, well at each depth, and stopped, as if the other were not there.
#[test]
fn storage_of_another_installation_that_hangs_holds_ours_up_in_nothing() -> Done {
    for other in OTHERS {
        let (site, other, hung) = beside_hanging_storage(other)?;
        for _ in 0..2 {
            site.agent().run("start")?.answers(OK).silently();
            for level in [0, 10, 20] {
                let ran = site.monitor(level)?.answers(OK).silently();
                assert!(ran.wall < QUICK, "{ran}");
            }
            // Without a record it is found among the others.
            site.sh(&format!("rm {}", site.record()))?;
            let probe = site.probe()?.answers(OK).silently();
            assert!(probe.wall < QUICK, "{probe}");
            site.stop()?.answers(OK);
            assert!(site.picos("platform")?.is_empty());
            at_most_one_is_left(&site)?;
        }
        assert!(site.lives(&other)?);
        hung.release();
    }
    Ok(())
}
