//! The time zone of this node.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds by which local time is ahead of UTC at `time`, by `TZ` or `/etc/localtime`; 0 where neither can be read, as in date(1).
///
/// It reads that file: where a file system that hangs must hold nothing up, it is for a worker process.
#[must_use]
pub fn offset(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let Ok(seconds) = since.try_into() else { return 0 };
    // SAFETY: a `tm` is plain numbers and a pointer, for all of which zero is a value.
    #[expect(unsafe_code, reason = "`tm` has no constructor")]
    let mut local: nix::libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to values that live until it returns, and it writes to nothing else of ours. It reads `TZ`, which no program of
    // this workspace sets.
    #[expect(unsafe_code, reason = "localtime_r(3) has no safe wrapper")]
    let converted = unsafe { nix::libc::localtime_r(&raw const seconds, &raw mut local) };
    if converted.is_null() { 0 } else { local.tm_gmtoff }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::Duration;

    #[test]
    fn it_is_what_date_1_says() {
        // A winter and a summer.
        for seconds in [1_769_904_000_u64, 1_785_542_400] {
            let date =
                Command::new("date").args(["-d", &format!("@{seconds}"), "+%z"]).output().unwrap();
            let zone = String::from_utf8(date.stdout).unwrap();
            let (hours, minutes) = zone.trim().split_at(3);
            let hours: i64 = hours.parse().unwrap();
            let minutes: i64 = minutes.parse().unwrap();
            let expected = hours * 3600 + hours.signum() * minutes * 60;
            assert_eq!(offset(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }
}
