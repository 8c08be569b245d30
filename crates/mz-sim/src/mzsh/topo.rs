//! `topo get` and `topo env`.

use super::MzshCall;
use crate::SimError;

impl MzshCall {
    pub(super) fn topo(&self) -> Result<u8, SimError> {
        match self.options.words.as_slice() {
            [verb] if verb == "env" => {
                for name in
                    ["JAVA_HOME", "MZ_CONTAINER", "MZ_CONTAINER_TYPE", "MZ_HOME", "MZ_PLATFORM"]
                {
                    println!("{name}={}", std::env::var(name).unwrap_or_default());
                }
                Ok(0)
            }
            [verb, path] if verb == "get" => self.get(path),
            _ => {
                println!("Usage: mzsh topo get [--format data-only] topo://...|env");
                Ok(1)
            }
        }
    }

    /// Parses `topo://[container:<c>/[pico:<p>/]]val:<path>`.
    fn get(&self, path: &str) -> Result<u8, SimError> {
        let (mut container, mut pico, mut value) = (None, None, None);
        let parts = path.strip_prefix("topo://").unwrap_or_default();
        for part in parts.split('/') {
            match part.split_once(':') {
                Some(("container", name)) => container = Some(name),
                Some(("pico", name)) => pico = Some(name),
                Some(("val", name)) => value = Some(name),
                _ => {}
            }
        }
        let own = std::env::var("MZ_CONTAINER").unwrap_or_default();
        let found = match (container, pico, value) {
            (Some(container), _, _) if container != own => None,
            (Some(_), Some(pico), Some(value)) => {
                self.registry.pico(pico)?.and_then(|pico| pico.values.get(value).cloned())
            }
            (Some(_), None, Some(value)) => self.registry.container.get(value).cloned(),
            (None, None, Some(value)) => self.registry.cell.get(value).cloned(),
            _ => None,
        };
        match found {
            Some(found) if self.options.format == "data-only" => println!("{found}"),
            Some(found) => println!("{path} : {found}"),
            None => {
                println!("{path}: not found");
                return Ok(1);
            }
        }
        Ok(0)
    }
}
