//! Durations in Pacemaker's syntax, as in parameters, metadata and the cluster's configuration.

use std::time::Duration;

/// Parses a whole number with a unit, in seconds without one (`crm_get_msec`). It also parses an
/// ISO 8601 duration of whole weeks, days, hours, minutes and seconds (`PT10S`), which Pacemaker
/// accepts for intervals. Returns `None` for any other text.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Some(parts) = text.strip_prefix('P') {
        return parse_iso8601(parts);
    }
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

/// Parses the text after the P: weeks and days, then T and the rest. Each unit occurs at most once,
/// in falling order.
fn parse_iso8601(parts: &str) -> Option<Duration> {
    let (date, time) =
        parts.split_once('T').map_or((parts, None), |(date, time)| (date, Some(time)));
    if time == Some("") || date.is_empty() && time.is_none() {
        return None;
    }
    let date = sum_units(date, &[('W', 7 * 86400), ('D', 86400)])?;
    let time = sum_units(time.unwrap_or_default(), &[('H', 3600), ('M', 60), ('S', 1)])?;
    Some(Duration::from_secs(date.checked_add(time)?))
}

fn sum_units(text: &str, units: &[(char, u64)]) -> Option<u64> {
    let (mut rest, mut total) = (text, 0_u64);
    for &(unit, seconds) in units {
        if let Some((number, after)) = rest.split_once(unit) {
            let number: u64 =
                number.parse().ok().filter(|_| number.starts_with(|c: char| c.is_ascii_digit()))?;
            total = total.checked_add(number.checked_mul(seconds)?)?;
            rest = after;
        }
    }
    rest.is_empty().then_some(total)
}

/// Formats whole seconds as `90s` and any other duration as `1500ms`.
#[must_use]
pub fn format_duration(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_parse_as_in_pacemaker() {
        for (text, millis) in
            [("90", 90_000), ("90s", 90_000), ("2m", 120_000), ("1500ms", 1_500), ("1h", 3_600_000)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse_duration(" 5 MIN "), Some(Duration::from_secs(300)));
        for (text, seconds) in [
            ("PT10S", 10),
            ("PT1M30S", 90),
            ("P1DT1H", 90_000),
            ("P2W", 1_209_600),
            ("PT0S", 0),
            (" PT90M ", 5400),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for bad in [
            "",
            "s",
            "-1",
            "1.5s",
            "1d",
            "90 s x",
            "99999999999999999999",
            "18446744073709551615h",
            "P",
            "PT",
            "P1H",
            "PT1",
            "PT10S1M",
            "PT1S1S",
            "P1Y",
            "PT1.5S",
            "PT+1S",
            "PTS",
            "P18446744073709551615W",
        ] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }
}
