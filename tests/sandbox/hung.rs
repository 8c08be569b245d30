//! Storage that hangs does so for everybody, whatever is sent to them, until it is let go.

use std::time::Duration;

use testkit::{Done, Error, Held, Hung, Process, Programs, Sandbox, wait_until};

const SOON: Duration = Duration::from_secs(5);

/// A node in which a process does something with `path`, in state D; and what it hangs on.
fn hanging(path: &str, held: Held, line: &str) -> Result<(Sandbox, Hung), Error> {
    let node = Sandbox::with(&Programs::bare()?)?;
    node.write("/opt/dir/below", "what lies below")?;
    node.write("/opt/file", "#!/bin/sh\n")?;
    node.exec(["chmod", "755", "/opt/file"])?;
    let hung = node.hang(path, held)?;
    node.exec(["sh", "-c", &format!("( {line}; echo $? >/opt/end ) >/dev/null 2>&1 &")])?;
    in_d(&node)?;
    Ok((node, hung))
}

fn in_d(node: &Sandbox) -> Result<Process, Error> {
    wait_until("a process in state D", SOON, || {
        let all = node.processes().map_err(|e| e.to_string())?;
        all.iter().find(|process| process.state == 'D').cloned().ok_or_else(|| format!("{all:?}"))
    })
}

fn ended(node: &Sandbox) -> Result<String, Error> {
    wait_until("its end", SOON, || node.read("/opt/end").map_err(|e| e.to_string()))
}

#[test]
fn no_signal_ends_who_waits_for_it_and_its_return_does() -> Done {
    let (node, hung) = hanging("/opt/dir", Held::Everything, "exec ls /opt/dir/below")?;
    let waiting = in_d(&node)?;
    node.exec(["kill", "-KILL", &waiting.pid.to_string()])?;
    // The next question of the same kind hangs after it: it had its time.
    node.exec(["sh", "-c", "stat /opt/dir >/dev/null 2>&1 &"])?;
    wait_until("both in state D", SOON, || {
        let all = node.processes().map_err(|e| e.to_string())?;
        let waiting = all.iter().filter(|process| process.state == 'D').count();
        if waiting == 2 { Ok(()) } else { Err(format!("{all:?}")) }
    })?;
    hung.release();
    wait_until("both to be gone", SOON, || {
        let all = node.processes().map_err(|e| e.to_string())?;
        if all.len() == 1 { Ok(()) } else { Err(format!("{all:?}")) }
    })?;
    assert_eq!(node.read("/opt/dir/below")?, "what lies below");
    Ok(())
}

#[test]
fn a_file_can_be_looked_at_while_its_execution_hangs() -> Done {
    let (node, hung) = hanging("/opt/file", Held::Open, "/opt/file")?;
    node.exec(["test", "-x", "/opt/file"])?;
    assert_eq!(node.exec(["stat", "-c", "%a %s", "/opt/file"])?.stdout, "755 10\n");
    hung.release();
    assert_ne!(ended(&node)?, "0\n");
    node.exec(["/opt/file"])?;
    Ok(())
}

#[test]
fn a_file_can_be_opened_while_each_read_hangs() -> Done {
    let (node, hung) = hanging("/opt/file", Held::Read, "cat /opt/file")?;
    node.exec(["sh", "-c", ": </opt/file"])?;
    hung.release();
    assert_eq!(ended(&node)?, "1\n");
    assert_eq!(node.read("/opt/file")?, "#!/bin/sh\n");
    Ok(())
}

#[test]
fn a_file_can_be_looked_at_while_each_write_hangs() -> Done {
    let (node, hung) = hanging("/opt/file", Held::Write, "echo x >>/opt/file")?;
    node.exec(["test", "-x", "/opt/file"])?;
    hung.release();
    assert_ne!(ended(&node)?, "0\n");
    Ok(())
}

#[test]
fn the_end_of_the_node_ends_all_that_waits() -> Done {
    let (node, hung) = hanging("/opt/dir", Held::Everything, "exec ls /opt/dir/below")?;
    // It returns when the kernel has taken down the node, and that is not before all its processes are gone.
    drop(node);
    hung.release();
    Ok(())
}

#[test]
fn what_is_not_there_can_t_hang() -> Done {
    let node = Sandbox::with(&Programs::bare()?)?;
    let error = node.hang("/opt/nothing", Held::Everything).expect_err("nothing is there");
    assert!(error.to_string().contains("/opt/nothing: No such file or directory"), "{error}");
    Ok(())
}
