//! The cluster's view: the part of `crm_mon`'s XML that tests need.

use std::fmt;

use roxmltree::{Document, Node};

/// See the module. `Display` is a few lines for the error of a wait.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterStatus {
    /// The elected node.
    pub dc: Option<String>,
    /// True if the queried node is in a partition with quorum.
    pub quorum: bool,
    pub members: Vec<MemberStatus>,
    /// All resources, including those of groups.
    pub resources: Vec<ResourceStatus>,
    /// Fail-counts that are not 0: resource, node, count.
    pub fail_counts: Vec<(String, String, String)>,
    /// Failed actions, with the agent's exit code and reason. The text of a code differs between
    /// generations of Pacemaker.
    pub failures: Vec<String>,
}

/// A node as the cluster sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    pub name: String,
    /// True if it is a member and nothing is pending.
    pub online: bool,
    /// True if it must run no resource.
    pub standby: bool,
    /// True if it must be fenced.
    pub unclean: bool,
}

/// A resource as the cluster sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceStatus {
    pub name: String,
    /// `Started`, `Stopped` and others.
    pub role: String,
    /// The nodes on which it runs.
    pub on: Vec<String>,
    /// True if an action of it failed and was not cleaned up.
    pub failed: bool,
}

impl ClusterStatus {
    /// Parses the output of `crm_mon`.
    ///
    /// # Errors
    /// The text is no XML of `crm_mon`.
    pub fn parse(xml: &str) -> Result<Self, roxmltree::Error> {
        let document = Document::parse(xml)?;
        let dc = elements(&document, "current_dc").find(|dc| is_true_attribute(dc, "present"));
        let nodes = document.root_element().children().filter(|node| node.has_tag_name("nodes"));
        let members =
            nodes.flat_map(|nodes| nodes.children().filter(Node::is_element)).map(|node| {
                MemberStatus {
                    name: attribute(&node, "name"),
                    online: is_true_attribute(&node, "online")
                        && !is_true_attribute(&node, "pending"),
                    standby: is_true_attribute(&node, "standby"),
                    unclean: is_true_attribute(&node, "unclean"),
                }
            });
        let resources = elements(&document, "resource").map(|resource| ResourceStatus {
            name: attribute(&resource, "id"),
            role: attribute(&resource, "role"),
            on: resource
                .children()
                .filter(Node::is_element)
                .map(|node| attribute(&node, "name"))
                .collect(),
            failed: is_true_attribute(&resource, "failed"),
        });
        let fail_counts = elements(&document, "resource_history").filter_map(|history| {
            let count = history.attribute("fail-count")?;
            // Some versions of crm_mon write the number, others the word.
            let count = if count == "1000000" { "INFINITY" } else { count };
            let node = history.parent()?.attribute("name")?;
            Some((attribute(&history, "id"), node.to_owned(), count.to_owned()))
        });
        let failures = elements(&document, "failure").map(|failure| {
            let reason = attribute(&failure, "exitreason");
            format!(
                "{} on {}: {} {reason}",
                attribute(&failure, "op_key"),
                attribute(&failure, "node"),
                attribute(&failure, "exitcode")
            )
        });
        Ok(Self {
            quorum: dc.is_some_and(|dc| is_true_attribute(&dc, "with_quorum")),
            dc: dc.map(|dc| attribute(&dc, "name")),
            members: members.collect(),
            resources: resources.filter(|resource| !resource.name.is_empty()).collect(),
            fail_counts: fail_counts.collect(),
            failures: failures.collect(),
        })
    }

    /// The node, if the cluster knows it.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&MemberStatus> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The nodes on which a resource runs; empty if the cluster does not know it.
    #[must_use]
    pub fn nodes_running(&self, resource: &str) -> &[String] {
        self.resources.iter().find(|r| r.name == resource).map_or(&[], |resource| &resource.on)
    }

    /// Number of failures of a resource on a node.
    #[must_use]
    pub fn fail_count(&self, resource: &str, node: &str) -> &str {
        let found =
            self.fail_counts.iter().find(|(r, n, _)| (r.as_str(), n.as_str()) == (resource, node));
        found.map_or("0", |(_, _, count)| count)
    }
}

fn elements<'a, 'input>(
    document: &'a Document<'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    document.descendants().filter(move |node| node.has_tag_name(name))
}

fn attribute(node: &Node<'_, '_>, attribute: &str) -> String {
    node.attribute(attribute).unwrap_or_default().to_owned()
}

fn is_true_attribute(node: &Node<'_, '_>, attribute: &str) -> bool {
    node.attribute(attribute) == Some("true")
}

impl fmt::Display for ClusterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dc = self.dc.as_deref().unwrap_or("none");
        write!(f, "DC {dc}, {} quorum;", if self.quorum { "with" } else { "no" })?;
        for member in &self.members {
            write!(f, " {}", member.name)?;
            for (is, word) in [
                (!member.online, "offline"),
                (member.standby, "standby"),
                (member.unclean, "UNCLEAN"),
            ] {
                if is {
                    write!(f, " {word}")?;
                }
            }
            f.write_str(";")?;
        }
        for ResourceStatus { name, role, on, failed } in &self.resources {
            write!(
                f,
                "\n  {name} {role} {}{}",
                on.join(" "),
                if *failed { " FAILED" } else { "" }
            )?;
        }
        for (resource, node, count) in &self.fail_counts {
            write!(f, "\n  {resource} has failed {count} times on {node}")?;
        }
        for failure in &self.failures {
            write!(f, "\n  {failure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shortened output of `crm_mon` 2.1.5 in the lab.
    const CRM_MON_XML: &str = r#"<pacemaker-result api-version="2.25" request="crm_mon">
  <summary><current_dc present="true" name="n2" id="2" with_quorum="true"/></summary>
  <nodes>
    <node name="n1" id="1" online="true" standby="true" pending="false" unclean="false"/>
    <node name="n2" id="2" online="true" standby="false" pending="false" unclean="false"/>
    <node name="n3" id="3" online="false" standby="false" pending="false" unclean="true"/>
  </nodes>
  <resources>
    <resource id="power" role="Started" failed="false"><node name="n1" id="1" cached="true"/></resource>
    <group id="mz"><resource id="mz-platform" role="Stopped" failed="true"/></group>
  </resources>
  <node_history><node name="n2"><resource_history id="mz-platform" fail-count="INFINITY"/></node></node_history>
  <failures><failure op_key="mz-platform_start_0" node="n2" exitcode="1" exitstatus="error" exitreason="no address"/></failures>
  <status code="0" message="OK"/>
</pacemaker-result>"#;

    #[test]
    fn nodes_resources_and_fail_counts_are_read_from_crm_mon() {
        let status = ClusterStatus::parse(CRM_MON_XML).unwrap();
        assert_eq!(
            (status.dc.as_deref(), status.quorum, status.members.len()),
            (Some("n2"), true, 3)
        );
        assert_eq!(status.nodes_running("power"), ["n1"]);
        assert!(status.nodes_running("mz-platform").is_empty());
        assert_eq!(status.fail_count("mz-platform", "n2"), "INFINITY");
        assert_eq!(status.fail_count("power", "n2"), "0");
        assert!(status.member("n3").is_some_and(|node| !node.online && node.unclean));
    }

    #[test]
    fn status_text_names_everything_abnormal() {
        let words = ClusterStatus::parse(CRM_MON_XML).unwrap().to_string();
        for part in [
            "n1 standby;",
            "n3 offline UNCLEAN;",
            "mz-platform Stopped  FAILED",
            "INFINITY times on n2",
            "_start_0 on n2: 1 no address",
        ] {
            assert!(words.contains(part), "{part:?} in {words}");
        }
        assert!(ClusterStatus::parse("crm_mon: connection failed").is_err());
    }
}
