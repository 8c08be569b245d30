//! Names and addresses of a node.
//!
//! Every node has its own hosts file, resolver configuration and name service switch (node.sh),
//! with only localhost in them. Name servers are dnsmasq on a loopback address of the node; its
//! options set their answers. A hung name server is a stopped process: it holds the port and reads
//! nothing from it.

use std::time::Duration;

use crate::sandbox::KIT_DIR;
use crate::{NodeProcess, Sandbox, TestResult, TestkitError, wait_until};

/// Longer than a name server takes to open its port.
const SERVER_TIMEOUT: Duration = Duration::from_secs(10);

/// The address that the node's resolver queries.
const RESOLVER: &str = "127.0.0.53";

/// dnsmasq without the machine's files and without an upstream server: it refuses unknown names.
const DNSMASQ_COMMAND: &str = "dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --no-poll --bind-interfaces \
    --user=root --group=root --pid-file=";

/// True if this process is a name server of the node and not the test's.
pub(crate) fn is_name_server(process: &NodeProcess) -> bool {
    process.argv.first().is_some_and(|first| first == "dnsmasq")
}

/// A running name server; at the latest it ends with the node.
#[derive(Debug)]
pub struct NameServer<'a> {
    node: &'a Sandbox,
    pid: u32,
}

impl Sandbox {
    /// Sets the entries of the hosts file besides localhost; replaces earlier ones.
    ///
    /// # Errors
    /// [`TestkitError::Io`].
    pub fn set_hosts(&self, lines: &[&str]) -> TestResult {
        // Write the file and do not replace it, because the file itself is mounted.
        self.write(
            format!("{KIT_DIR}/hosts"),
            format!("127.0.0.1 localhost\n{}\n", lines.join("\n")),
        )
    }

    /// Adds an address to the node.
    ///
    /// # Errors
    /// [`TestkitError::Command`] with the output of `ip`.
    pub fn add_address(&self, address: &str) -> TestResult {
        // With a shorter prefix every address of the network would be local on this interface.
        let (bits, flags) = if address.contains(':') {
            // The kernel also checks an IPv6 address on lo for duplicates, and it is unusable until
            // then.
            (128, ["nodad"].as_slice())
        } else {
            (32, [].as_slice())
        };
        let address = format!("{address}/{bits}");
        self.exec(["ip", "address", "add", &address, "dev", "lo"].iter().chain(flags)).map(drop)
    }

    /// Makes connections to this network time out: they get no answer, not even a refusal.
    ///
    /// # Errors
    /// [`TestkitError::Command`] with the output of `ip`.
    pub fn blackhole_network(&self, network: &str) -> TestResult {
        // A packet comes back through the loopback interface, which has no such destination.
        self.exec(["ip", "route", "add", network, "dev", "lo"]).map(drop)
    }

    /// Makes the node's resolver ask a name server with these options of dnsmasq
    /// (`--address=/mzplat.example/192.0.2.7`) for names that are not in the hosts file.
    ///
    /// # Errors
    /// [`TestkitError::TimedOut`] if the server does not open its port.
    pub fn use_name_server(&self, knows: &[&str]) -> Result<NameServer<'_>, TestkitError> {
        let server = self.start_name_server(RESOLVER, knows)?;
        self.write(format!("{KIT_DIR}/resolv.conf"), format!("nameserver {RESOLVER}\n"))?;
        let switch = self.read(format!("{KIT_DIR}/nsswitch.conf"))?;
        self.write(
            format!("{KIT_DIR}/nsswitch.conf"),
            switch.replace("\nhosts: files\n", "\nhosts: files dns\n"),
        )?;
        Ok(server)
    }

    /// Starts a name server at this address, on UDP and TCP port 53. The node need not query it.
    ///
    /// # Errors
    /// [`TestkitError::TimedOut`] if the server does not open its port.
    pub fn start_name_server(
        &self,
        address: &str,
        knows: &[&str],
    ) -> Result<NameServer<'_>, TestkitError> {
        let at = format!("--listen-address={address}");
        let knows: Vec<String> = knows.iter().map(|option| format!("'{option}'")).collect();
        let line = format!(
            "setsid {DNSMASQ_COMMAND} {at} {} </dev/null >/dev/null 2>&1 &",
            knows.join(" ")
        );
        self.exec(["sh", "-c", &line])?;
        let pid = wait_until(&format!("a name server at {address}"), SERVER_TIMEOUT, || {
            let all = self.processes().map_err(|error| error.to_string())?;
            let ours =
                all.iter().find(|p| is_name_server(p) && p.argv.contains(&at)).map(|p| p.pid);
            let listens = self.exec(["ss", "--listening", "--tcp", "--numeric", "--no-header"]);
            let listens = listens.map_err(|error| error.to_string())?.stdout;
            let open = [format!("{address}:53 "), format!("[{address}]:53 ")]
                .iter()
                .any(|at| listens.contains(at));
            ours.filter(|_| open).ok_or(listens)
        })?;
        Ok(NameServer { node: self, pid })
    }
}

impl NameServer<'_> {
    /// Makes it keep its port and answer no query.
    ///
    /// # Errors
    /// [`TestkitError::TimedOut`] if the process does not stop.
    pub fn hang(&self) -> TestResult {
        let pid = self.pid.to_string();
        self.node.exec(["kill", "-s", "STOP", &pid])?;
        wait_until("a name server to hang", SERVER_TIMEOUT, || {
            let all = self.node.processes().map_err(|error| error.to_string())?;
            let ours = all.iter().find(|process| process.pid == self.pid);
            match ours.map(|process| process.state) {
                Some('T') => Ok(()),
                other => Err(format!("its state is {other:?}")),
            }
        })
    }

    /// Kills it and waits until it is gone.
    ///
    /// # Errors
    /// [`TestkitError::TimedOut`] if the process does not end.
    pub fn stop(self) -> TestResult {
        self.node.exec(["kill", "-s", "KILL", &self.pid.to_string()])?;
        wait_until("the end of a name server", SERVER_TIMEOUT, || {
            let all = self.node.processes().map_err(|error| error.to_string())?;
            let ours = all.iter().find(|process| process.pid == self.pid && process.state != 'Z');
            ours.map_or(Ok(()), |process| Err(format!("its state is {}", process.state)))
        })
    }
}
