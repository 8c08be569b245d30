//! What ships: each file once, with its package, its mode and its purpose.

use clap_complete::Shell;
use pico::PicoType;

use crate::pages::ManualPage;

/// A package, in both formats.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    /// Paragraphs.
    pub(crate) description: &'static [&'static str],
    /// Debian's section.
    pub(crate) section: &'static str,
    /// The crates of the programs. The bill of materials lists their dependencies.
    pub(crate) crates: &'static [&'static str],
    /// Recommended packages (`Recommends`), by format.
    pub(crate) recommends: Option<ByFormat>,
    /// The package has maintainer scripts, in `packaging/debian` and `packaging/rpm`.
    pub(crate) scripts: bool,
    /// Directories that belong to the package.
    pub(crate) directories: &'static [&'static str],
    /// Files that belong to the package although its scripts create them (rpm: `%ghost`).
    pub(crate) made_by_scripts: &'static [&'static str],
    pub(crate) files: &'static [PackagedFile],
}

#[derive(Clone, Copy)]
pub(crate) struct ByFormat {
    pub(crate) deb: &'static str,
    pub(crate) rpm: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) struct PackagedFile {
    pub(crate) path: &'static str,
    pub(crate) mode: u32,
    pub(crate) content: Content,
    pub(crate) purpose: &'static str,
    pub(crate) only_deb: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum Content {
    /// A program of the build.
    Program(&'static str),
    /// A file of the repository, as it is.
    Repository(&'static str),
    /// What the agent prints for `meta-data`.
    Metadata(&'static str),
    /// A manual page, compressed.
    Page(ManualPage),
    Completion(CompletedCommand, Shell),
}

#[derive(Clone, Copy)]
pub(crate) enum CompletedCommand {
    Mzha,
    MzHaScripts,
    MzSim,
}

const fn file(path: &'static str, content: Content, purpose: &'static str) -> PackagedFile {
    PackagedFile { path, mode: 0o644, content, purpose, only_deb: false }
}

const fn program(path: &'static str, name: &'static str, purpose: &'static str) -> PackagedFile {
    PackagedFile { mode: 0o755, ..file(path, Content::Program(name), purpose) }
}

const fn page(path: &'static str, page: ManualPage, purpose: &'static str) -> PackagedFile {
    file(path, Content::Page(page), purpose)
}

const fn completion(path: &'static str, of: CompletedCommand, shell: Shell) -> PackagedFile {
    file(path, Content::Completion(of, shell), "completes the command line")
}

/// One line for each file.
pub(crate) fn list() -> String {
    let of = |package: &Package| {
        let name = package.name;
        let line = move |file: &PackagedFile| {
            let PackagedFile { path, mode, purpose, only_deb, .. } = file;
            let only = if *only_deb { " (.deb only)" } else { "" };
            format!("{name}: {mode:04o} {path}: {purpose}{only}\n")
        };
        package.files.iter().map(line).collect::<String>()
    };
    PACKAGES.iter().map(of).collect()
}

/// All programs of all packages.
pub(crate) fn programs() -> impl Iterator<Item = &'static str> {
    PACKAGES.iter().flat_map(|package| package.files).filter_map(|file| match file.content {
        Content::Program(name) => Some(name),
        _ => None,
    })
}

pub(crate) const PACKAGES: &[Package] = &[AGENTS, MZHA, MZHA_SIM];

const AGENTS: Package = Package {
    name: "resource-agents-mediationzone",
    summary: "OCF resource agents for MediationZone",
    description: &[
        "The agents ocf:mediationzone:platform, ec, sc and ui keep MediationZone (DigitalRoute; also sold as SAP Convergent \
         Mediation) running on Pacemaker clusters.",
        "The package restarts nothing. It replaces an agent only when the new one has run on this node, and refuses its removal \
         while a resource needs it here.",
    ],
    section: "admin",
    crates: &["agents"],
    recommends: Some(ByFormat {
        deb: "pacemaker | pacemaker-remote, mzha",
        rpm: "(pacemaker or pacemaker-remote)\nRecommends: mzha",
    }),
    scripts: true,
    directories: &[
        "/usr/lib/ocf/resource.d/mediationzone",
        "/usr/lib/resource-agents-mediationzone",
        "/usr/lib/systemd/system/pacemaker.service.d",
        "/usr/lib/systemd/system/pacemaker_remote.service.d",
        "/usr/share/resource-agents-mediationzone",
    ],
    made_by_scripts: &[
        "/usr/lib/ocf/resource.d/mediationzone/platform",
        "/usr/lib/ocf/resource.d/mediationzone/ec",
        "/usr/lib/ocf/resource.d/mediationzone/sc",
        "/usr/lib/ocf/resource.d/mediationzone/ui",
    ],
    files: &[
        program(
            "/usr/lib/resource-agents-mediationzone/platform",
            "platform",
            "ocf:mediationzone:platform",
        ),
        program("/usr/lib/resource-agents-mediationzone/ec", "ec", "ocf:mediationzone:ec"),
        program("/usr/lib/resource-agents-mediationzone/sc", "sc", "ocf:mediationzone:sc"),
        program("/usr/lib/resource-agents-mediationzone/ui", "ui", "ocf:mediationzone:ui"),
        metadata("/usr/share/resource-agents-mediationzone/platform.xml", "platform"),
        metadata("/usr/share/resource-agents-mediationzone/ec.xml", "ec"),
        metadata("/usr/share/resource-agents-mediationzone/sc.xml", "sc"),
        metadata("/usr/share/resource-agents-mediationzone/ui.xml", "ui"),
        page(
            "/usr/share/man/man7/mediationzone-ra.7.gz",
            ManualPage::Written("mediationzone-ra.7"),
            "overview, configuration with pcs and crm",
        ),
        agent_page("/usr/share/man/man7/ocf_mediationzone_platform.7.gz", PicoType::Platform),
        agent_page("/usr/share/man/man7/ocf_mediationzone_ec.7.gz", PicoType::ExecutionContext),
        agent_page("/usr/share/man/man7/ocf_mediationzone_sc.7.gz", PicoType::ServiceContext),
        agent_page("/usr/share/man/man7/ocf_mediationzone_ui.7.gz", PicoType::Ui),
        file(
            "/usr/lib/systemd/system/pacemaker.service.d/50-mediationzone.conf",
            Content::Repository("packaging/systemd/pacemaker.service.d/50-mediationzone.conf"),
            "keeps Pacemaker running when the kernel kills a JVM",
        ),
        file(
            "/usr/lib/systemd/system/pacemaker_remote.service.d/50-mediationzone.conf",
            Content::Repository(
                "packaging/systemd/pacemaker_remote.service.d/50-mediationzone.conf",
            ),
            "the same on a Pacemaker Remote node",
        ),
        file(
            "/usr/lib/tmpfiles.d/mediationzone-ra.conf",
            Content::Repository("packaging/tmpfiles/mediationzone-ra.conf"),
            "makes /run/mediationzone-ra at boot",
        ),
        file(
            "/usr/share/resource-agents/ocft/configs/mediationzone-platform",
            Content::Repository("packaging/ocft/mediationzone-platform"),
            "cases for ocft, with mz-sim",
        ),
        file(
            "/usr/share/doc/resource-agents-mediationzone/examples/mz-pcs.sh",
            Content::Repository("docs/examples/mz-pcs.sh"),
            "the recommended configuration, for pcs",
        ),
        file(
            "/usr/share/doc/resource-agents-mediationzone/examples/mz.crm",
            Content::Repository("docs/examples/mz.crm"),
            "the recommended configuration, for crm",
        ),
        PackagedFile {
            only_deb: true,
            ..file(
                "/etc/needrestart/conf.d/mediationzone.conf",
                Content::Repository("packaging/needrestart/mediationzone.conf"),
                "keeps needrestart, which Debian and Ubuntu have, from restarting Pacemaker under a pico",
            )
        },
    ],
};

const fn metadata(path: &'static str, agent: &'static str) -> PackagedFile {
    file(path, Content::Metadata(agent), "the metadata, for tools that do not run the agent")
}

const fn agent_page(path: &'static str, kind: PicoType) -> PackagedFile {
    page(path, ManualPage::Agent(kind), "parameters and operations of the agent")
}

const MZHA: Package = Package {
    name: "mzha",
    summary: "checks of a cluster node with MediationZone",
    description: &[
        "mzha doctor checks a node and the configuration of the cluster for the agents ocf:mediationzone. mzha health tells \
         whether a pico is healthy. Both change nothing.",
        "mz-ha-scripts are the HA scripts of MediationZone for cluster managers other than Pacemaker.",
    ],
    section: "admin",
    crates: &["mzha"],
    recommends: None,
    scripts: false,
    directories: &[],
    made_by_scripts: &[],
    files: &[
        program("/usr/sbin/mzha", "mzha", "the command of operators"),
        program(
            "/usr/sbin/mz-ha-scripts",
            "mz-ha-scripts",
            "HA scripts for other cluster managers",
        ),
        page("/usr/share/man/man8/mzha.8.gz", ManualPage::Mzha(None), "the command"),
        page(
            "/usr/share/man/man8/mzha-doctor.8.gz",
            ManualPage::Mzha(Some("doctor")),
            "mzha doctor",
        ),
        page(
            "/usr/share/man/man8/mzha-health.8.gz",
            ManualPage::Mzha(Some("health")),
            "mzha health",
        ),
        page(
            "/usr/share/man/man8/mz-ha-scripts.8.gz",
            ManualPage::Written("mz-ha-scripts.8"),
            "HA scripts for other cluster managers",
        ),
        completion(
            "/usr/share/bash-completion/completions/mzha",
            CompletedCommand::Mzha,
            Shell::Bash,
        ),
        completion("/usr/share/zsh/vendor-completions/_mzha", CompletedCommand::Mzha, Shell::Zsh),
        completion(
            "/usr/share/fish/vendor_completions.d/mzha.fish",
            CompletedCommand::Mzha,
            Shell::Fish,
        ),
        completion(
            "/usr/share/bash-completion/completions/mz-ha-scripts",
            CompletedCommand::MzHaScripts,
            Shell::Bash,
        ),
        completion(
            "/usr/share/zsh/vendor-completions/_mz-ha-scripts",
            CompletedCommand::MzHaScripts,
            Shell::Zsh,
        ),
        completion(
            "/usr/share/fish/vendor_completions.d/mz-ha-scripts.fish",
            CompletedCommand::MzHaScripts,
            Shell::Fish,
        ),
    ],
};

const MZHA_SIM: Package = Package {
    name: "mzha-sim",
    summary: "simulated MediationZone, to rehearse a cluster",
    description: &[
        "mz-sim lays out an installation whose picos start, answer, hang and stop as those of MediationZone do, for \
         demonstrations, tests and rehearsals of a Pacemaker cluster. It is not the product, and processes no data.",
    ],
    section: "admin",
    crates: &["mz-sim"],
    recommends: None,
    scripts: false,
    directories: &[],
    made_by_scripts: &[],
    files: &[
        program("/usr/bin/mz-sim", "mz-sim", "the simulated product"),
        page("/usr/share/man/man1/mz-sim.1.gz", ManualPage::MzSim, "the simulated product"),
        completion(
            "/usr/share/bash-completion/completions/mz-sim",
            CompletedCommand::MzSim,
            Shell::Bash,
        ),
        completion(
            "/usr/share/zsh/vendor-completions/_mz-sim",
            CompletedCommand::MzSim,
            Shell::Zsh,
        ),
        completion(
            "/usr/share/fish/vendor_completions.d/mz-sim.fish",
            CompletedCommand::MzSim,
            Shell::Fish,
        ),
    ],
};
