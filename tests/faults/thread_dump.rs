//! Thread dumps: what a JVM was at when it had to be killed

use std::time::Duration;

use testkit::answer::{Answer, OK};
use testkit::site::{Kind, MZADMIN, Site, site};
use testkit::{Done, Error};

use crate::cells::STRANGER;

/// Where they are kept, in the node.
const DUMPS: &str = "/var/log/mediationzone-ra";

/// Their names, oldest first.
fn dumps(site: &Site) -> Result<Vec<String>, Error> {
    Ok(site.sh(&format!("ls {DUMPS} 2>/dev/null || :"))?.lines().map(str::to_owned).collect())
}

/// A Platform that mzsh can't shut down.
fn deaf() -> Result<Site, Error> {
    let site = site(Kind::Platform).jvm().build()?;
    site.start()?;
    site.sh("mv /opt/mz/bin/mzsh /opt/mz/bin/mzsh.true")?;
    Ok(site)
}

/// Before a JVM that does not follow mzsh is killed, the state of all its threads is kept on local disk, for root alone,
/// and the log says where.
#[test]
fn a_jvm_that_has_to_be_killed_leaves_a_dump_of_its_threads() -> Done {
    let site = deaf()?;
    site.stop()?.answers(OK);
    site.nothing_left()?;
    let [name] = dumps(&site)?.try_into().unwrap_or_else(|all| panic!("{all:?}: {:?}", site.log()));
    let dump = site.node.read(format!("{DUMPS}/{name}"))?;
    assert!(dump.contains("Full thread dump") && dump.contains("\"main\""), "{dump}");
    assert!(name.starts_with("platform."), "{name}");
    assert_eq!(site.sh(&format!("stat -c '%a %U' {DUMPS} {DUMPS}/{name}"))?, "700 root\n600 root\n");
    let log = site.log()?;
    assert!(log.contains(&format!("{DUMPS}/{name}")), "{log}");
    assert_eq!(site.sh("ls -A /tmp | grep -v hsperfdata || :")?, "", "nothing of the question is left");
    Ok(())
}

/// With `thread_dump=no` there is none.
#[test]
fn none_is_taken_that_is_not_wanted() -> Done {
    let site = deaf()?;
    site.agent().param("thread_dump", "no").run("stop")?.answers(OK);
    site.nothing_left()?;
    assert_eq!(dumps(&site)?, Vec::<String>::new());
    Ok(())
}

/// However often a JVM has to be killed, no more than ten dumps of a resource are kept, the last ones, and none of another's
/// is touched.
#[test]
fn the_last_ten_are_kept() -> Done {
    let site = deaf()?;
    site.sh(&format!("mkdir -m 700 {DUMPS}"))?;
    let old: Vec<String> = (0..12).map(|n| format!("platform.17000000{n:02}.44.threads")).collect();
    let others = [
        "platform.1.1700000000.44.threads",
        "platform.1700000000.44.hprof",
        "platform2.1700000000.44.threads",
    ];
    for name in old.iter().map(String::as_str).chain(others) {
        site.node.write(format!("{DUMPS}/{name}"), "old")?;
    }
    site.stop()?.answers(OK);
    let all = dumps(&site)?;
    let (kept, rest): (Vec<String>, Vec<String>) =
        all.into_iter().partition(|name| !others.contains(&name.as_str()));
    assert_eq!(kept.len(), 10, "{kept:?}");
    assert_eq!(kept[..9], old[3..]);
    assert_eq!(rest, others);
    Ok(())
}

/// Where no dump can be kept, the JVM is asked for one in its own log, and the stop goes on.
#[test]
fn without_a_place_for_it_the_jvm_writes_it_to_its_own_log() -> Done {
    let site = deaf()?;
    site.node.write(DUMPS, "no directory")?;
    site.stop()?.answers(OK);
    site.nothing_left()?;
    let log = site.node.read("/opt/mz/log/platform_current.log")?;
    assert_eq!(log.matches("Full thread dump").count(), 1, "{log}");
    Ok(())
}

/// Listens at the JVM's socket; `$answer` is what it does with who comes.
const LISTENER: &str = "import socket,os,time
path='/tmp/.java_pid$pid'
s=socket.socket(socket.AF_UNIX)
s.bind(path)
os.chmod(path,0o777)
s.listen(5)
while True:
    c,_=s.accept()
    open('/opt/asked','w').close()
    try:
        $answer
    except Exception: pass
    c.close()
";

/// Another process that answers tools in the JVM's place, of a stranger or of the JVM's own user, or a stranger's file in the way of the question,
/// is named, told nothing, and not waited for; nothing that it says is kept, and the JVM writes its threads to its own log.
#[test]
fn another_process_that_answers_for_the_jvm_is_named_and_not_believed() -> Done {
    let forges = "c.recv(100); c.sendall(b'0\\nFORGED'+b'x'*2000000)";
    for (user, answer, why) in [
        (STRANGER, forges, "has laid /tmp/.java_pid"),
        (STRANGER, "time.sleep(100)", "has laid /tmp/.java_pid"),
        (STRANGER, "", "has laid /tmp/.attach_pid"),
        (MZADMIN, forges, " listens process "),
    ] {
        let site = deaf()?;
        if site.node.owner() == "root" {
            return Ok(());
        }
        let pid = site.recorded()?.expect("it runs").to_string();
        site.sh("install -m 777 -d /opt/asked.d")?;
        let script = LISTENER
            .replace("$pid", &pid)
            .replace("$answer", answer)
            .replace("/opt/asked", "/opt/asked.d/by");
        site.node.write("/opt/listen.py", script)?;
        let line = if answer.is_empty() {
            format!("touch /tmp/.attach_pid{pid}")
        } else {
            "python3 /opt/listen.py </dev/null >/dev/null 2>&1 & sleep 0.5".to_owned()
        };
        site.sh(&format!("setpriv --reuid {user} --regid {user} --clear-groups setsid sh -c '{line}'"))?;
        let ran = site.stop()?.answers(OK);
        assert!(ran.wall < Duration::from_secs(3), "{ran}");
        let log = site.log()?;
        assert!(log.contains("no thread dump of ") && log.contains(why), "{why}: {log}");
        assert_eq!(dumps(&site)?, Vec::<String>::new());
        if user == STRANGER {
            assert_eq!(site.sh("ls /opt/asked.d")?, "", "nobody has come to the stranger");
        }
        let log = site.node.read("/opt/mz/log/platform_current.log")?;
        assert!(log.contains("Full thread dump"), "{log}");
    }
    Ok(())
}
