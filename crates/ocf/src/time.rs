//! Times in Pacemaker's syntax, as they stand in parameters, metadata and the cluster's configuration.

use std::time::Duration;

/// A whole number and a unit, without one seconds (`crm_get_msec`); `None`: it is no such time.
#[must_use]
pub fn read(text: &str) -> Option<Duration> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    Some(match unit.trim_start().to_ascii_lowercase().as_str() {
        "us" | "usec" => Duration::from_micros(number),
        "ms" | "msec" => Duration::from_millis(number),
        "" | "s" | "sec" => Duration::from_secs(number),
        "m" | "min" => Duration::from_secs(number.checked_mul(60)?),
        "h" | "hr" => Duration::from_secs(number.checked_mul(3600)?),
        _ => return None,
    })
}

/// The same, the other way: `90s`, or `1500ms` where it is no whole number of seconds.
#[must_use]
pub fn spelled(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_pacemaker_reads_them() {
        for (text, millis) in
            [("90", 90_000), ("90s", 90_000), ("2m", 120_000), ("1500ms", 1_500), ("1h", 3_600_000)]
        {
            assert_eq!(read(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(read(" 5 MIN "), Some(Duration::from_secs(300)));
        for bad in ["", "s", "-1", "1.5s", "1d", "90 s x", "99999999999999999999", "18446744073709551615h"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
