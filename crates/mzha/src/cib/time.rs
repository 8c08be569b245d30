//! Durations as Pacemaker reads them: it replaces a malformed one by a default and says so only in its log.

use std::time::Duration;

const NOT_READ: &str = "Pacemaker can't read it, and takes ";

/// An interval: a number and a unit, or a duration of ISO 8601 (`pcmk_parse_interval_spec`). `failure-timeout`, `cluster-recheck-interval`,
/// `priority-fencing-delay` and `pcmk_delay_*` are intervals, too.
///
/// # Errors
/// The value that Pacemaker uses instead.
pub fn interval(text: &str) -> Result<Duration, String> {
    let Some(parts) = text.strip_prefix('P') else {
        return with_unit(text).ok_or_else(|| format!("{NOT_READ}0"));
    };
    let date = parts.split('T').next().unwrap_or_default();
    if date.contains(|c: char| c.is_ascii_digit()) {
        // crm_time_get_seconds takes the day of a duration for one of a calendar, which begins with 1.
        return Err(
            "Pacemaker (up to 3.0.2, at least) miscounts days, weeks and years, so that P1D is 0"
                .to_owned(),
        );
    }
    ocf::time::parse_duration(text).ok_or_else(|| format!("{NOT_READ}0"))
}

/// A timeout: a number and a unit (`pcmk__parse_ms`), and nothing of ISO 8601.
///
/// # Errors
/// The value that Pacemaker uses instead.
pub fn timeout(text: &str) -> Result<Duration, String> {
    with_unit(text).ok_or_else(|| {
        let why = if text.starts_with('P') {
            "Pacemaker reads ISO 8601 in intervals only, and takes "
        } else {
            NOT_READ
        };
        format!("{why}its default of {}", ocf::time::format_duration(super::DEFAULT_TIMEOUT))
    })
}

/// Pacemaker truncates decimals and reads only the first letters of the unit.
fn with_unit(text: &str) -> Option<Duration> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    let unit = rest
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
        .trim_start()
        .to_ascii_lowercase();
    Some(match unit.as_bytes() {
        [] | [b's', ..] => Duration::from_secs(number),
        [b'm', b's', ..] => Duration::from_millis(number),
        [b'u', b's', ..] => Duration::from_micros(number),
        [b'm', ..] => Duration::from_secs(number.checked_mul(60)?),
        [b'h', ..] => Duration::from_secs(number.checked_mul(3600)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `crm_simulate` says the same (suite `commands`).
    #[test]
    fn numbers_with_units_are_read_as_loosely_as_pacemaker_reads_them() {
        for (text, millis) in [
            ("90", 90_000),
            ("90s", 90_000),
            (" 7s", 7_000),
            ("10 seconds", 10_000),
            ("1.9s", 1_000),
            ("1.5.2 m", 60_000),
            ("1min", 60_000),
            ("5 minutes", 300_000),
            ("500ms", 500),
            ("1H", 3_600_000),
            ("0", 0),
        ] {
            let time = Ok(Duration::from_millis(millis));
            assert_eq!((interval(text), timeout(text)), (time.clone(), time), "{text}");
        }
        for text in ["", "INFINITY", "-1", "1d", "60x", "soon", "99999999999999999999"] {
            assert!(interval(text).is_err_and(|why| why.ends_with("takes 0")), "{text}");
            assert!(timeout(text).is_err_and(|why| why.ends_with("default of 20s")), "{text}");
        }
    }

    #[test]
    fn iso_8601_is_for_intervals_and_for_hours_minutes_and_seconds() {
        for (text, seconds) in [("PT10S", 10), ("PT1M30S", 90), ("PT24H", 86_400), ("PT0S", 0)] {
            assert_eq!(interval(text), Ok(Duration::from_secs(seconds)), "{text}");
            assert!(timeout(text).is_err_and(|why| why.contains("in intervals only")), "{text}");
        }
        for text in ["P1D", "P2W", "P1M", "P1DT1H"] {
            assert!(interval(text).is_err_and(|why| why.contains("miscounts")), "{text}");
        }
        for text in ["P", "PT", "PT1.5S", "p1d", "pt10s"] {
            assert!(interval(text).is_err_and(|why| why.ends_with("takes 0")), "{text}");
        }
    }
}
