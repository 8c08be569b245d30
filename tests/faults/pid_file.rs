//! The product's pid file, whatever it says: no answer rests on it, and nobody is signalled by it.

use testkit::Done;
use testkit::answer::{Answer, NOT_RUNNING, OK};
use testkit::site::{Kind, site};

/// A pid file that is lost, garbage or names another process hides no running pico, and a stop does not touch
/// the process that it names.
#[test]
fn a_pid_file_that_is_lost_or_names_another_process_is_no_matter() -> Done {
    let innocent = "the number of another process";
    for content in [None, Some(innocent), Some("not a number"), Some("999999999999")] {
        let site = site(Kind::Platform).build()?;
        let pid = site.start_by_hand()?.pid;
        let other = site.sh("setsid sleep 1000000 >/dev/null 2>&1 & echo $!")?;
        let path = "/opt/mz/log/platform.pid";
        match content {
            None => site.sh(&format!("rm {path}")).map(drop)?,
            Some(content) if content == innocent => site.node.write(path, &other)?,
            Some(content) => site.node.write(path, content)?,
        }
        site.probe()?.answers(OK).silently();
        assert_eq!(site.recorded()?, Some(pid), "{content:?}");
        site.stop()?.answers(OK);
        assert!(site.picos("platform")?.is_empty(), "{content:?}");
        site.probe()?.answers(NOT_RUNNING);
        let left: Vec<u32> = site.processes()?.iter().map(|process| process.pid).collect();
        assert_eq!(left, [other.trim().parse::<u32>().expect("a number")], "{content:?}");
    }
    Ok(())
}
