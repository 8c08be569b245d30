//! A resource of one of the four agents, from any source.

use agents::settings;
use ocf::{Action, Invocation, ParameterError};
use pico::record::InstanceRecordFile;
use pico::{PicoType, Settings};
use std::collections::BTreeMap;
use std::ffi::OsString;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Name in the cluster; `None`: from an operator's arguments.
    pub name: Option<String>,
    /// Its agent.
    pub kind: PicoType,
    pub parameters: BTreeMap<String, String>,
}

impl Resource {
    /// From its instance record on this node. `None`: no record of this boot, or one that does
    /// not name its agent.
    #[must_use]
    pub fn from_record(name: &str) -> Option<Self> {
        let record =
            InstanceRecordFile::for_resource(Some(&ocf::encode_instance_name(name.as_ref())))
                .read()?;
        Some(Self {
            name: Some(name.to_owned()),
            kind: record.pico_type()?,
            parameters: record.parameters(),
        })
    }

    /// The agent's call with these parameters and `variables` such as `OCF_CHECK_LEVEL`.
    #[must_use]
    pub fn invocation(&self, action: Action, variables: &[(&str, &str)]) -> Invocation {
        let parameters = self
            .parameters
            .iter()
            .map(|(name, value)| (format!("OCF_RESKEY_{name}"), value.as_str()));
        let name = self.name.iter().map(|name| ("OCF_RESOURCE_INSTANCE".to_owned(), name.as_str()));
        let others = variables.iter().map(|&(name, value)| (name.to_owned(), value));
        let all = parameters.chain(name).chain(others);
        let all = all.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Invocation::new(agents::definition(self.kind), action, all)
    }

    /// The agent's settings, and all invalid parameters.
    #[must_use]
    pub fn settings(&self) -> (Settings, Vec<ParameterError>) {
        settings::read(self.kind, &self.invocation(Action::Monitor, &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_an_agent_reads_them() {
        let parameters = [("pico_name", "ec1"), ("ha_timeout", "3s"), ("wait", "soon")];
        let resource = Resource {
            name: Some("mz-ec1".to_owned()),
            kind: PicoType::ExecutionContext,
            parameters: parameters.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
        };
        let (settings, errors) = resource.settings();
        assert_eq!(settings.resource.as_deref(), Some("mz-ec1"));
        assert_eq!(settings.pico_label(), "ec1");
        assert_eq!(settings.ha_timeout.as_secs(), 3);
        assert_eq!(errors.iter().map(ParameterError::name).collect::<Vec<_>>(), ["wait"]);
    }
}
