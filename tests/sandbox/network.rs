//! Names and addresses of a node are its own.

use testkit::{Done, Programs, Sandbox};

#[test]
fn a_node_knows_localhost_and_what_it_is_told() -> Done {
    let node = Sandbox::with(&Programs::bare()?)?;
    let knows = |name: &str| -> Result<String, testkit::Error> {
        Ok(node.command("getent").args(["ahosts", name]).run()?.stdout)
    };
    assert!(knows("localhost")?.starts_with("127.0.0.1 "));
    for name in ["mzplat", "mzplat.example"] {
        assert_eq!(knows(name)?, "", "{name}");
    }
    node.hosts(&["192.0.2.10 mzplat"])?;
    assert!(knows("mzplat")?.starts_with("192.0.2.10 "));
    let server = node.dns(&["--address=/mzplat.example/192.0.2.11"])?;
    assert!(knows("mzplat.example")?.starts_with("192.0.2.11 "));
    assert!(knows("mzplat")?.starts_with("192.0.2.10 "), "the hosts file first");
    server.end()?;
    assert_eq!(knows("mzplat.example")?, "");
    Ok(())
}

#[test]
fn an_address_is_the_nodes_alone_and_a_network_that_swallows_does_not_answer() -> Done {
    let node = Sandbox::with(&Programs::bare()?)?;
    node.address("192.0.2.10")?;
    node.address("2001:db8::10")?;
    node.swallow("203.0.113.0/24")?;
    let connect = |to: &str| -> Result<String, testkit::Error> {
        let line = format!("timeout 1 bash -c '</dev/tcp/{to}/1'; echo $?");
        Ok(node.command("bash").args(["-c", &line]).run()?.stdout)
    };
    for address in ["192.0.2.10", "2001:db8::10"] {
        assert_eq!(connect(address)?, "1\n", "{address} refuses: nobody listens");
    }
    assert_eq!(connect("203.0.113.9")?, "124\n", "nothing was heard");
    Ok(())
}
