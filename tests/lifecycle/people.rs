//! What people use: explain, status, and the trace.

use testkit::Done;
use testkit::answer::{GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, site};

#[test]
fn explain_and_status_tell_what_they_saw_and_exit_as_monitor_would() -> Done {
    let site = site(Kind::Platform).build()?;
    for action in ["explain", "status"] {
        let ran = site.agent().run(action)?.expect(NOT_RUNNING)?;
        assert!(ran.stdout.contains("not running") && ran.stderr.is_empty(), "{ran}");
    }
    let pid = site.start()?.pid;
    let explained = site.agent().run("explain")?.expect(OK)?;
    for word in ["platform", "/opt/mz", &format!("pid {pid} "), "127.0.0.1:26000", "exit 0"] {
        assert!(explained.stdout.contains(word), "{word}: {explained}");
    }
    let status = site.agent().run("status")?.expect(OK)?;
    assert!(status.stdout.contains("running") && !status.stdout.contains("not running"), "{status}");

    site.signal(pid, "STOP")?;
    let explained = site.agent().run("explain")?.expect(GENERIC)?;
    assert!(explained.stdout.contains("exit 1") && explained.stdout.contains("stopped"), "{explained}");
    assert_eq!(site.one("platform")?.pid, pid);
    Ok(())
}

#[test]
fn a_traced_action_leaves_a_file_that_root_alone_can_read() -> Done {
    let site = site(Kind::Platform).build()?;
    site.agent().param("trace_ra", "1").run("start")?.expect(OK)?;
    // Where crm report looks for it; the rest of its name is the time.
    let files = site.sh("cd /var/lib/heartbeat/trace_ra/platform && stat --format='%n %a' *")?;
    assert!(files.starts_with("platform.start.") && files.trim_end().ends_with(" 600"), "{files}");
    assert_eq!(files.lines().count(), 1, "{files}");
    let text = site.sh("cat /var/lib/heartbeat/trace_ra/platform/*")?;
    assert!(text.lines().count() > 1, "{text}");
    for line in text.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok_and(|v| v.is_object()), "{line}");
    }
    site.agent().param("trace_ra", "1").param("trace_dir", "/tmp/traces").run("stop")?.expect(OK)?;
    assert!(site.sh("ls /tmp/traces/platform")?.starts_with("platform.stop."));
    Ok(())
}
