//! One line of CloudWatch's embedded metric format: a JSON object from which CloudWatch Logs extracts metrics.
//!
//! `_aws` names the metrics and dimensions; the root has a member for each name. A name without a value is an error there, so
//! an unknown health omits `Healthy`: a gap in the graph, not a zero.

use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime};

/// CloudWatch limits the length of the line.
const MAX_REASON_CHARS: usize = 1024;

#[derive(Debug)]
pub(super) struct Measurement<'a> {
    pub(super) pico: &'a str,
    pub(super) status: &'a str,
    /// Deprecated; see `docs/other-managers/amazon.md`.
    pub(super) state: &'a str,
    pub(super) why: Option<&'a str>,
    pub(super) code: u8,
    pub(super) took: Duration,
}

pub(super) fn format_line(measured: &Measurement<'_>) -> String {
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis());
    // The kernel's own name for the node; a dimension must not be empty.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "unknown" } else { host.trim() };
    document(measured, u64::try_from(now).unwrap_or_default(), host).to_string()
}

fn document(measured: &Measurement<'_>, now: u64, host: &str) -> Value {
    let healthy = match measured.code {
        0 => Some(1),
        1 => Some(0),
        _ => None,
    };
    let mut metrics = vec![json!({"Name": "CheckMilliseconds", "Unit": "Milliseconds"})];
    let mut root = Map::new();
    if let Some(healthy) = healthy {
        metrics.push(json!({"Name": "Healthy", "Unit": "None"}));
        root.insert("Healthy".to_owned(), healthy.into());
    }
    let took = u64::try_from(measured.took.as_millis()).unwrap_or(u64::MAX);
    let directive =
        json!({"Namespace": "MediationZone", "Dimensions": [["Pico", "Host"]], "Metrics": metrics});
    let values = [
        ("_aws", json!({"Timestamp": now, "CloudWatchMetrics": [directive]})),
        ("CheckMilliseconds", took.into()),
        ("ExitCode", measured.code.into()),
        ("Host", host.into()),
        ("Pico", if measured.pico.is_empty() { "unknown" } else { measured.pico }.into()),
        (
            "Reason",
            measured.why.map_or(Value::Null, |why| {
                why.chars().take(MAX_REASON_CHARS).collect::<String>().into()
            }),
        ),
        ("State", measured.state.into()),
        ("Status", measured.status.into()),
    ];
    root.extend(values.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document_for(code: u8, why: Option<&str>) -> Value {
        let measured = Measurement {
            pico: "ec1",
            status: "s",
            state: "s",
            why,
            code,
            took: Duration::from_millis(1234),
        };
        document(&measured, 1_700_000_000_000, "node1")
    }

    /// Every name that the directive names has its value at the root, and of the type that is asked for.
    fn assert_complete(document: &Value) {
        let directive = &document["_aws"]["CloudWatchMetrics"][0];
        assert!(document["_aws"]["Timestamp"].is_u64() && directive["Namespace"].is_string());
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(document[metric["Name"].as_str().unwrap()].is_u64(), "{document}");
        }
        for dimension in directive["Dimensions"][0].as_array().unwrap() {
            assert!(
                document[dimension.as_str().unwrap()].as_str().is_some_and(|v| !v.is_empty()),
                "{document}"
            );
        }
    }

    #[test]
    fn every_named_metric_has_a_value_and_unknown_health_is_omitted() {
        for (code, healthy) in [(0, Some(1)), (1, Some(0)), (2, None)] {
            let document = document_for(code, None);
            assert_complete(&document);
            assert_eq!(document.get("Healthy").and_then(Value::as_u64), healthy);
            let named =
                document["_aws"]["CloudWatchMetrics"][0]["Metrics"].to_string().contains("Healthy");
            assert_eq!(named, healthy.is_some());
        }
    }

    #[test]
    fn long_reason_is_cut_to_one_short_line() {
        let long = "\"\n\u{1}\u{20ac}".repeat(100_000);
        let text = document_for(1, Some(&long)).to_string();
        assert!(text.len() < 16 << 10 && !text.contains('\n'), "{}", text.len());
        assert_complete(&serde_json::from_str(&text).unwrap());
    }
}
