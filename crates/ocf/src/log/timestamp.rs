//! Dates and times of day. The standard library knows no time zones. Traces are in UTC, with a `Z`;
//! log lines take the offset from UTC as an argument.

use crate::calendar::CivilTime;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// For example `2026-08-01T09:05:07.123Z`.
pub(super) fn format_utc(time: SystemTime) -> String {
    let (date, clock, millis) = split_date_time(time);
    format!("{date}T{clock}.{millis:03}Z")
}

/// For example `2026-08-01.09:05:07`: the shell agents use this form in the name of a trace.
pub(super) fn format_for_file_name(time: SystemTime) -> String {
    let (date, clock, _) = split_date_time(time);
    format!("{date}.{clock}")
}

/// For example `Aug 01 09:05:07`, on a clock that is `offset` seconds ahead of UTC.
pub(super) fn for_line(seconds_since_1970: u64, offset: i64) -> String {
    let local = CivilTime::from_seconds(seconds_since_1970.saturating_add_signed(offset));
    let CivilTime { day, hour, minute, second, .. } = local;
    format!("{} {day:02} {hour:02}:{minute:02}:{second:02}", local.month_name())
}

fn split_date_time(time: SystemTime) -> (String, String, u32) {
    // A clock before 1970 is not set.
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let CivilTime { year, month, day, hour, minute, second } =
        CivilTime::from_seconds(since.as_secs());
    (
        format!("{year:04}-{month:02}-{day:02}"),
        format!("{hour:02}:{minute:02}:{second:02}"),
        since.subsec_millis(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_utc_agrees_with_date_1() {
        // Expected values from `date -u -d @N +%FT%TZ`.
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_785_575_107, "2026-08-01T09:05:07.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(format_utc(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
        assert_eq!(
            format_for_file_name(UNIX_EPOCH + Duration::from_secs(951_782_400)),
            "2000-02-29.00:00:00"
        );
        assert_eq!(for_line(951_782_400, 0), "Feb 29 00:00:00");
        assert_eq!(for_line(951_782_400, 19_800), "Feb 29 05:30:00");
        assert_eq!(for_line(951_782_400, -1), "Feb 28 23:59:59");
        assert_eq!(for_line(4_107_542_399, 3600), "Mar 01 00:59:59");
        assert_eq!(for_line(0, -3600), "Jan 01 00:00:00", "a clock before 1970 is not set at all");
    }
}
