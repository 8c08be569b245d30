//! Dates and times of day. The standard library knows no time zones. Traces are in UTC, with a `Z`;
//! log lines take the offset from UTC as an argument.

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
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, (hour, minute, second)) = days_and_time(seconds_since_1970.saturating_add_signed(offset));
    let (_, month, day) = gregorian_date(days);
    let month = MONTHS.iter().zip(1..).find(|&(_, number)| number == month).map_or("", |(name, _)| name);
    format!("{month} {day:02} {hour:02}:{minute:02}:{second:02}")
}

fn split_date_time(time: SystemTime) -> (String, String, u32) {
    // A clock before 1970 is not set.
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (days, (hour, minute, second)) = days_and_time(since.as_secs());
    let (year, month, day) = gregorian_date(days);
    (
        format!("{year:04}-{month:02}-{day:02}"),
        format!("{hour:02}:{minute:02}:{second:02}"),
        since.subsec_millis(),
    )
}

fn days_and_time(seconds: u64) -> (u64, (u64, u64, u64)) {
    let (days, seconds) = (seconds / 86_400, seconds % 86_400);
    (days, (seconds / 3600, seconds / 60 % 60, seconds % 60))
}

/// Year, month and day of the Gregorian calendar. The year starts in March here, so the leap day is
/// its last day and one formula gives the months' lengths.
fn gregorian_date(days_since_1970: u64) -> (u64, u64, u64) {
    const DAYS_IN_400_YEARS: u64 = 146_097;
    // Day 0 is 0000-03-01.
    let days = days_since_1970 + 719_468;
    let (era, day) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
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
