//! How soon the cluster acts on a monitor failure that it dropped.
//!
//! Pacemaker drops a monitor's failure that arrives while the transition that confirmed this monitor still runs. An unchanged
//! result is not reported again. Pacemaker reevaluates after `cluster-recheck-interval`.

use super::check_result::{Area, CheckResult};
use crate::cib::{Cib, time};
use std::time::Duration;

const CHECK: &str = "cluster-recheck-interval";
const MAX_INTERVAL: Duration = Duration::from_secs(60);

pub(super) fn check(cib: &Cib) -> CheckResult {
    let set = cib.options.get(CHECK).map(String::as_str);
    let todo = "cluster-recheck-interval=60s";
    let seen = match set.map(|text| (text, time::interval(text))) {
        Some((text, Ok(interval))) if !interval.is_zero() && interval <= MAX_INTERVAL => {
            return CheckResult::ok(Area::Operations, CHECK, text);
        }
        Some((text, Ok(interval))) if interval.is_zero() => format!("{text}, never"),
        Some((text, Ok(_))) => text.to_owned(),
        Some((text, Err(why))) => format!("{text}: {why}"),
        None => "not set, 15 minutes".to_owned(),
    };
    let why = "a death reported while another resource starts may be acted upon only then";
    CheckResult::warning(Area::Operations, CHECK, format!("{seen}: {why}"), todo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check_result::Level;

    #[test]
    fn recheck_interval_above_one_minute_is_warning() {
        let level = |value: Option<&str>| {
            let options =
                value.map(|value| (CHECK.to_owned(), value.to_owned())).into_iter().collect();
            check(&Cib { options, ..Cib::default() }).level
        };
        for well in ["60s", "60", "1min", "30s", "PT1M"] {
            assert_eq!(level(Some(well)), Level::Ok, "{well}");
        }
        for bad in [None, Some("0"), Some("15min"), Some("61s"), Some("PT15M"), Some("soon")] {
            assert_eq!(level(bad), Level::Warning, "{bad:?}");
        }
    }
}
