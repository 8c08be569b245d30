//! The Gregorian calendar, for times in seconds since 1970: the standard library has none.

/// The months as log lines have them.
pub const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Date and time of day. Of which time zone, the caller knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CivilTime {
    /// Year, from 1970.
    pub year: u64,
    /// Month, from 1.
    pub month: u64,
    /// Day of the month, from 1.
    pub day: u64,
    /// Hour, from 0.
    pub hour: u64,
    /// Minute, from 0.
    pub minute: u64,
    /// Second, from 0.
    pub second: u64,
}

// Both ways after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". Years are counted from March, so that the leap day is the
// last of a year and the months' lengths follow one formula.

const DAYS_IN_400_YEARS: u64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;

impl CivilTime {
    /// The moment so many seconds after 1970-01-01 00:00:00.
    #[must_use]
    pub fn from_seconds(seconds: u64) -> Self {
        let (days, seconds) = (seconds / 86_400 + DAYS_BEFORE_1970, seconds % 86_400);
        let (era, day) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
        let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }

    /// Seconds since 1970-01-01 00:00:00.
    #[must_use]
    pub fn to_seconds(self) -> u64 {
        let year = self.year - u64::from(self.month <= 2);
        let from_march = (self.month + 9) % 12;
        let day_of_year = (153 * from_march + 2) / 5 + self.day - 1;
        let (era, year_of_era) = (year / 400, year % 400);
        let day = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * DAYS_IN_400_YEARS + day - DAYS_BEFORE_1970;
        ((days * 24 + self.hour) * 60 + self.minute) * 60 + self.second
    }

    /// The month's three letters.
    #[must_use]
    pub fn month_name(self) -> &'static str {
        MONTHS
            .iter()
            .zip(1..)
            .find(|&(_, number)| number == self.month)
            .map_or("", |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_of_five_centuries_follows_the_day_before() {
        let mut before = CivilTime::from_seconds(0);
        assert_eq!((before.year, before.month, before.day), (1970, 1, 1));
        for day in 1..500 * 366 {
            let noon = day * 86_400 + 43_200;
            let today = CivilTime::from_seconds(noon);
            assert_eq!(today.to_seconds(), noon);
            let next_day =
                (today.year, today.month, today.day) == (before.year, before.month, before.day + 1);
            let next_month =
                (today.year, today.month, today.day) == (before.year, before.month + 1, 1);
            let next_year =
                (today.year, today.month, today.day, before.month) == (before.year + 1, 1, 1, 12);
            assert!(next_day || next_month || next_year, "{before:?} {today:?}");
            let leap = before.year.is_multiple_of(4)
                && (!before.year.is_multiple_of(100) || before.year.is_multiple_of(400));
            let length = [31, 28 + u64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            let is_last = length
                .iter()
                .zip(1..)
                .any(|(&days, month)| (month, days) == (before.month, before.day));
            assert_eq!(is_last, !next_day, "{before:?}");
            before = today;
        }
    }
}
