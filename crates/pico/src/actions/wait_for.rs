//! Waits before a start for the Platform, or for the endpoints of `wait_for`.
//!
//! A running start delays every other decision of the cluster, so the wait has its own limit. The reason names each endpoint that
//! did not answer, with its last error.

use crate::product::{Inspection, RegistryState};
use crate::settings::{Endpoint, PicoType, Settings};
use std::time::{Duration, Instant};

const MIN_LOGGED_WAIT: Duration = Duration::from_secs(1);

/// Waits until each endpoint has accepted a connection, at most until the given instant.
///
/// # Errors
/// The endpoints that did not, and why.
pub(super) fn wait_for(
    settings: &Settings,
    inspection: &Inspection,
    until: Instant,
) -> Result<(), String> {
    let endpoints = endpoints(settings, inspection);
    let begun = Instant::now();
    let asked: Vec<(&str, u16)> = endpoints.iter().map(|e| (e.host.as_str(), e.port)).collect();
    match host::addresses::wait_until_all_reachable(&asked, until) {
        Ok(()) => {
            if begun.elapsed() >= MIN_LOGGED_WAIT {
                let seconds = begun.elapsed().as_secs();
                tracing::info!(
                    "{}: all answer after {seconds} s: {}",
                    settings.pico_label(),
                    join_endpoints(&endpoints)
                );
            }
            Ok(())
        }
        Err(missing) => {
            let seconds = begun.elapsed().as_secs_f64();
            let missing: Vec<(&Endpoint, String)> = missing
                .into_iter()
                .filter_map(|m| Some((endpoints.get(m.index)?, m.reason)))
                .collect();
            Err(describe_missing(&missing, seconds))
        }
    }
}

fn endpoints(settings: &Settings, inspection: &Inspection) -> Vec<Endpoint> {
    if let Some(named) = &settings.wait_for {
        return named.to_vec();
    }
    if settings.pico_type == PicoType::Platform {
        return Vec::new();
    }
    let platform = match &inspection.registry {
        RegistryState::Defined(facts) => facts.platform.clone(),
        _ => None,
    };
    if platform.is_none() {
        tracing::warn!(
            "{}: the registry does not tell where the Platform is, so it is not waited for: set wait_for",
            settings.pico_label()
        );
    }
    platform.into_iter().collect()
}

fn join_endpoints(endpoints: &[Endpoint]) -> String {
    let words: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
    words.join(", ")
}

/// The names come first: an exit reason is cut at its end.
fn describe_missing(missing: &[(&Endpoint, String)], seconds: f64) -> String {
    match missing {
        [(endpoint, why)] => {
            format!("needs {endpoint}, which has not answered for {seconds:.0} s: {why}")
        }
        several => {
            let words: Vec<String> =
                several.iter().map(|(endpoint, why)| format!("{endpoint}: {why}")).collect();
            format!("{} have not answered for {seconds:.0} s: {}", several.len(), words.join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_for_reason_names_every_missing_endpoint() {
        let (database, platform): (Endpoint, Endpoint) =
            ("db1:1521".parse().unwrap(), "[2001:db8::1]:6790".parse().unwrap());
        let one = [(&database, "timed out (10.0.0.3)".to_owned())];
        assert_eq!(
            describe_missing(&one, 30.04),
            "needs db1:1521, which has not answered for 30 s: timed out (10.0.0.3)"
        );
        let both = [one[0].clone(), (&platform, "connection refused (2001:db8::1)".to_owned())];
        assert_eq!(
            describe_missing(&both, 30.04),
            "2 have not answered for 30 s: db1:1521: timed out (10.0.0.3); \
             [2001:db8::1]:6790: connection refused (2001:db8::1)"
        );
    }
}
