//! Names and addresses of a node are its own.

use testkit::{Programs, Sandbox, TestResult};

#[test]
fn sandbox_resolves_localhost_hosts_file_and_name_server() -> TestResult {
    let node = Sandbox::with_programs(&Programs::kit_only()?)?;
    let knows = |name: &str| -> Result<String, testkit::TestkitError> {
        Ok(node.command("getent").args(["ahosts", name]).run()?.stdout)
    };
    assert!(knows("localhost")?.starts_with("127.0.0.1 "));
    for name in ["mzplat", "mzplat.example"] {
        assert_eq!(knows(name)?, "", "{name}");
    }
    node.set_hosts(&["192.0.2.10 mzplat"])?;
    assert!(knows("mzplat")?.starts_with("192.0.2.10 "));
    let server = node.use_name_server(&["--address=/mzplat.example/192.0.2.11"])?;
    assert!(knows("mzplat.example")?.starts_with("192.0.2.11 "));
    assert!(knows("mzplat")?.starts_with("192.0.2.10 "), "the hosts file first");
    server.stop()?;
    assert_eq!(knows("mzplat.example")?, "");
    Ok(())
}

#[test]
fn addresses_are_private_and_blackholed_network_times_out() -> TestResult {
    let node = Sandbox::with_programs(&Programs::kit_only()?)?;
    node.add_address("192.0.2.10")?;
    node.add_address("2001:db8::10")?;
    node.blackhole_network("203.0.113.0/24")?;
    let connect = |to: &str| -> Result<String, testkit::TestkitError> {
        let line = format!("timeout 1 bash -c '</dev/tcp/{to}/1'; echo $?");
        Ok(node.command("bash").args(["-c", &line]).run()?.stdout)
    };
    for address in ["192.0.2.10", "2001:db8::10"] {
        assert_eq!(connect(address)?, "1\n", "{address} refuses: nobody listens");
    }
    assert_eq!(connect("203.0.113.9")?, "124\n", "nothing was heard");
    Ok(())
}
