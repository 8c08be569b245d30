//! Hung storage hangs for every process, whatever signals it gets, until it is released.

use std::time::Duration;

use testkit::{
    HungOperation, HungStorage, NodeProcess, Programs, Sandbox, TestResult, TestkitError,
    wait_until,
};

const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// A node in which a process accesses `path`, in state D; and the storage on which it hangs.
fn sandbox_with_hung_process(
    path: &str,
    held: HungOperation,
    line: &str,
) -> Result<(Sandbox, HungStorage), TestkitError> {
    let node = Sandbox::with_programs(&Programs::kit_only()?)?;
    node.write("/opt/dir/below", "what lies below")?;
    node.write("/opt/file", "#!/bin/sh\n")?;
    node.exec(["chmod", "755", "/opt/file"])?;
    let hung = node.hang_storage(path, held)?;
    node.exec(["sh", "-c", &format!("( {line}; echo $? >/opt/end ) >/dev/null 2>&1 &")])?;
    wait_for_state_d(&node)?;
    Ok((node, hung))
}

fn wait_for_state_d(node: &Sandbox) -> Result<NodeProcess, TestkitError> {
    wait_until("a process in state D", WAIT_TIMEOUT, || {
        let all = node.processes().map_err(|e| e.to_string())?;
        all.iter().find(|process| process.state == 'D').cloned().ok_or_else(|| format!("{all:?}"))
    })
}

fn wait_for_exit_code(node: &Sandbox) -> Result<String, TestkitError> {
    wait_until("its end", WAIT_TIMEOUT, || node.read("/opt/end").map_err(|e| e.to_string()))
}

#[test]
fn hung_process_ignores_sigkill_until_storage_returns() -> TestResult {
    let (node, hung) =
        sandbox_with_hung_process("/opt/dir", HungOperation::Everything, "exec ls /opt/dir/below")?;
    let waiting = wait_for_state_d(&node)?;
    node.exec(["kill", "-KILL", &waiting.pid.to_string()])?;
    // When this later operation hangs, too, the kill has had time to take effect.
    node.exec(["sh", "-c", "stat /opt/dir >/dev/null 2>&1 &"])?;
    wait_until("both in state D", WAIT_TIMEOUT, || {
        let all = node.processes().map_err(|e| e.to_string())?;
        let waiting = all.iter().filter(|process| process.state == 'D').count();
        if waiting == 2 { Ok(()) } else { Err(format!("{all:?}")) }
    })?;
    hung.release();
    wait_until("both to be gone", WAIT_TIMEOUT, || {
        let all = node.processes().map_err(|e| e.to_string())?;
        if all.len() == 1 { Ok(()) } else { Err(format!("{all:?}")) }
    })?;
    assert_eq!(node.read("/opt/dir/below")?, "what lies below");
    Ok(())
}

#[test]
fn stat_works_while_execution_hangs() -> TestResult {
    let (node, hung) = sandbox_with_hung_process("/opt/file", HungOperation::Open, "/opt/file")?;
    node.exec(["test", "-x", "/opt/file"])?;
    assert_eq!(node.exec(["stat", "-c", "%a %s", "/opt/file"])?.stdout, "755 10\n");
    hung.release();
    assert_ne!(wait_for_exit_code(&node)?, "0\n");
    node.exec(["/opt/file"])?;
    Ok(())
}

#[test]
fn open_works_while_read_hangs() -> TestResult {
    let (node, hung) =
        sandbox_with_hung_process("/opt/file", HungOperation::Read, "cat /opt/file")?;
    node.exec(["sh", "-c", ": </opt/file"])?;
    hung.release();
    assert_eq!(wait_for_exit_code(&node)?, "1\n");
    assert_eq!(node.read("/opt/file")?, "#!/bin/sh\n");
    Ok(())
}

#[test]
fn stat_works_while_write_hangs() -> TestResult {
    let (node, hung) =
        sandbox_with_hung_process("/opt/file", HungOperation::Write, "echo x >>/opt/file")?;
    node.exec(["test", "-x", "/opt/file"])?;
    hung.release();
    assert_ne!(wait_for_exit_code(&node)?, "0\n");
    Ok(())
}

#[test]
fn end_of_sandbox_ends_hung_processes() -> TestResult {
    let (node, hung) =
        sandbox_with_hung_process("/opt/dir", HungOperation::Everything, "exec ls /opt/dir/below")?;
    // It returns when the kernel has destroyed the node, and that is not before all its processes are gone.
    drop(node);
    hung.release();
    Ok(())
}

#[test]
fn missing_path_cannot_be_hung() -> TestResult {
    let node = Sandbox::with_programs(&Programs::kit_only()?)?;
    let error =
        node.hang_storage("/opt/nothing", HungOperation::Everything).expect_err("nothing is there");
    assert!(error.to_string().contains("/opt/nothing: No such file or directory"), "{error}");
    Ok(())
}
