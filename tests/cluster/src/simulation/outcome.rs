//! The result of one answer: parsed from the simulator's XML, and described as text.

use std::fmt;

use roxmltree::{Document, Node};

use super::{SimulatedAnswer, SimulatedOperation};
use crate::status::ClusterStatus;

/// The end of each document in the output of `answer.sh`.
const DOCUMENT_SEPARATOR: &str = "=====\n";

/// One line of the Transition Summary: an action that the scheduler orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransitionStep {
    /// `start`, `stop`, `recover`, `move`, `restart`, `fence` and others.
    pub action: String,
    /// The resource; for a `fence`, the node.
    pub target: String,
    /// The present and the future node; equal if it stays.
    pub nodes: (String, String),
    /// The scheduler's reason, if it gives one.
    pub reason: Option<String>,
    /// True if the action is impossible until a person intervenes.
    pub blocked: bool,
}

impl fmt::Display for TransitionStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action: what, target: of, nodes: (from, to), reason: why, blocked } = self;
        write!(f, "{what} {of}")?;
        if what != "fence" {
            if from == to { write!(f, " on {from}") } else { write!(f, " {from} -> {to}") }?;
        }
        if let Some(why) = why {
            write!(f, " ({why})")?;
        }
        if *blocked { f.write_str(", blocked") } else { Ok(()) }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedOutcome {
    pub answer: SimulatedAnswer,
    /// Actions that the scheduler ordered at once. It excludes starts of other resources, which are
    /// in progress anyway.
    pub steps: Vec<TransitionStep>,
    /// Nodes on which its agent is called for a stop, until the cluster is idle.
    pub stopped: Vec<String>,
    /// Nodes on which its agent is called for a start, until the cluster is idle.
    pub started: Vec<String>,
    /// Nodes on which the resource is active at the end.
    pub runs_on: Vec<String>,
    /// True if it is blocked at the end: the cluster waits for a person.
    pub blocked: bool,
    /// True if the cluster repeats its stop, which fails each time.
    pub repeated: bool,
    /// True if the status lists a failed action of it at the end.
    pub listed: bool,
    /// Nodes that must not run it until a cleanup or `failure-timeout`.
    pub banned: Vec<String>,
}

impl SimulatedOutcome {
    /// Parses the output of `answer.sh`.
    ///
    /// # Errors
    /// A description of the malformed part.
    pub(super) fn parse(answer: SimulatedAnswer, said: &str) -> Result<Self, String> {
        let mut documents: Vec<&str> = said.split(DOCUMENT_SEPARATOR).collect();
        let status = documents.pop().unwrap_or_default();
        let decisions: Result<Vec<_>, _> =
            documents.iter().map(|text| Document::parse(text)).collect();
        let decisions = decisions.map_err(|error| format!("{error}: {said}"))?;
        let (Some(first), Some(last)) = (decisions.first(), decisions.last()) else {
            return Err("no decision".to_owned());
        };
        let resource = answer.subject.resource();
        let mut repeated = false;
        for step in
            last.descendants().filter_map(|node| parse_step(&node)).filter(|step| !step.blocked)
        {
            repeated = answer.occasion == SimulatedOperation::StopUnfenced
                && step.action == "stop"
                && step.target == resource;
            if !repeated {
                return Err(format!("it does not come to rest: {step}"));
            }
        }
        let steps = first.descendants().filter_map(|node| parse_step(&node));
        let steps =
            steps.filter(|step| step.action != "start" || step.target == resource).collect();
        let on = ClusterStatus::parse(status).map_err(|error| format!("{error}: {status}"))?;
        let status = Document::parse(status).map_err(|error| error.to_string())?;
        let of_subject = |node: &Node<'_, '_>, tag, name| {
            node.has_tag_name(tag)
                && node.attribute(name).is_some_and(|of| of.starts_with(resource))
        };
        let called = |action: &str| {
            let mut nodes: Vec<String> = decisions
                .iter()
                .flat_map(|decision| called_on(decision, resource, action))
                .collect();
            nodes.sort();
            nodes.dedup();
            nodes
        };
        let mut outcome = Self {
            answer,
            steps,
            stopped: called("stop"),
            started: called("start"),
            runs_on: on.nodes_running(resource).to_vec(),
            blocked: status.descendants().any(|node| {
                of_subject(&node, "resource", "id") && node.attribute("blocked") == Some("true")
            }),
            repeated,
            listed: status.descendants().any(|node| of_subject(&node, "failure", "op_key")),
            banned: banned_nodes(last, resource),
        };
        // The configuration bans these nodes in any case.
        outcome.banned.retain(|node| {
            node == answer.subject.active_node() || node == answer.subject.passive_node()
        });
        Ok(outcome)
    }

    #[must_use]
    pub fn fenced_nodes(&self) -> Vec<&str> {
        self.steps
            .iter()
            .filter(|step| step.action == "fence")
            .map(|step| step.target.as_str())
            .collect()
    }

    /// True if the resource is affected: its process ends, or starts, or both.
    #[must_use]
    pub fn affects_resource(&self) -> bool {
        !(self.stopped.is_empty() && self.started.is_empty() && self.fenced_nodes().is_empty())
    }

    /// Describes it briefly, for a cell of a table.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut parts: Vec<String> =
            self.fenced_nodes().into_iter().map(|node| format!("**{node} is fenced**")).collect();
        let (stopped, started) = (self.stopped.join(" and "), self.started.join(" and "));
        match (stopped.is_empty(), started.is_empty()) {
            (true, true) => {}
            (false, true) if self.repeated => {
                parts.push(format!("told to stop on {stopped}, without end"));
            }
            (false, true) => parts.push(format!("stopped on {stopped}")),
            (true, false) => parts.push(format!("started on {started}")),
            (false, false) if stopped == started => {
                parts.push(format!("stopped and started on {started}"));
            }
            (false, false) => parts.push(format!("stopped on {stopped}, started on {started}")),
        }
        if self.blocked {
            parts.push("blocked until somebody comes".to_owned());
        } else if self.runs_on.is_empty() {
            parts.push("stays down".to_owned());
        } else if parts.is_empty() {
            parts.push(format!("runs on {}", self.runs_on.join(" and ")));
        }
        if !self.banned.is_empty() {
            parts.push(format!("{} banned", self.banned.join(" and ")));
        }
        if self.listed && !self.affects_resource() {
            parts.push("listed as failed".to_owned());
        }
        parts.join("; ")
    }
}

/// Nodes on which the agent of a resource is called in this transition.
fn called_on(decision: &Document<'_>, resource: &str, action: &str) -> Vec<String> {
    let calls = decision.descendants().filter(|node| {
        node.has_tag_name("rsc_action")
            && node.attribute("op") == Some(action)
            && node.attribute("resource") == Some(resource)
    });
    calls.filter_map(|node| node.attribute("node")).map(str::to_owned).collect()
}

fn parse_step(node: &Node<'_, '_>) -> Option<TransitionStep> {
    let text = |name: &str| node.attribute(name).map(str::to_owned);
    if node.parent()?.tag_name().name() != "actions" {
        return None;
    }
    let (why, blocked) = (text("reason"), node.attribute("blocked") == Some("true"));
    if node.has_tag_name("node_action") {
        let what = text("task")?;
        let what = if what.starts_with("Fence") { "fence".to_owned() } else { what };
        let at = text("node")?;
        return Some(TransitionStep {
            action: what,
            target: at.clone(),
            nodes: (at.clone(), at),
            reason: why,
            blocked,
        });
    }
    let from = text("source").or_else(|| text("node")).unwrap_or_default();
    let to = text("dest").unwrap_or_else(|| from.clone());
    Some(TransitionStep {
        action: text("action")?,
        target: text("resource")?,
        nodes: (from, to),
        reason: why,
        blocked,
    })
}

/// Nodes with a score of -INFINITY. For a member of a group only the scores before the group's
/// placement count, because afterwards all other nodes have that score.
fn banned_nodes(decision: &Document<'_>, resource: &str) -> Vec<String> {
    let weights = |function: &str| -> Vec<String> {
        let of = decision.descendants().filter(|node| {
            node.has_tag_name("node_weight")
                && node.attribute("id") == Some(resource)
                && node.attribute("function") == Some(function)
                && node.attribute("score") == Some("-INFINITY")
        });
        let mut nodes: Vec<String> =
            of.filter_map(|node| node.attribute("node")).map(str::to_owned).collect();
        nodes.dedup();
        nodes
    };
    let in_group = decision.descendants().any(|node| {
        node.attribute("id") == Some(resource)
            && node.attribute("function") == Some("pcmk__group_assign")
    });
    weights(if in_group { "pcmk__group_assign" } else { "pcmk__primitive_assign" })
}
