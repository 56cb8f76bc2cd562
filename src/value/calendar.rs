//! The Gregorian calendar as PostgreSQL counts it: days and microseconds since 2000-01-01.

use std::fmt;

pub(super) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(super) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i64 = 10_957;

/// Microseconds from 1970-01-01 to 2000-01-01.
pub(super) const EPOCH_MICROS: i64 = EPOCH_DAYS * MICROS_PER_DAY;

/// A date as days since 2000-01-01; `None` where the calendar has no such day, or for a year outside 1–9999.
pub(super) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=9999).contains(&year) || !(1..=longest).contains(&day) {
        return None;
    }
    // https://howardhinnant.github.io/date_algorithms.html#days_from_civil: years begin in March
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468 - EPOCH_DAYS)
}

/// The year (astronomical: 0 is 1 BC), month and day of a date.
fn civil(days: i64) -> (i64, i64, i64) {
    // https://howardhinnant.github.io/date_algorithms.html#civil_from_days
    let days = days + EPOCH_DAYS + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// A date, as PostgreSQL prints it.
pub(super) struct ShownDate(pub(super) i64);

impl fmt::Display for ShownDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0);
        if year > 0 {
            write!(f, "{year:04}-{month:02}-{day:02}")
        } else {
            write!(f, "{:04}-{month:02}-{day:02} BC", 1 - year)
        }
    }
}

/// A time of day in microseconds, as PostgreSQL prints it.
pub(super) struct ShownTime(pub(super) i64);

impl fmt::Display for ShownTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0.div_euclid(MICROS_PER_SECOND), self.0.rem_euclid(MICROS_PER_SECOND));
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if micros == 0 {
            return Ok(());
        }
        let fraction = format!("{micros:06}");
        write!(f, ".{}", fraction.trim_end_matches('0'))
    }
}

/// A point in time in microseconds since 2000-01-01, as PostgreSQL prints a `timestamp`; with `zone`, a `timestamptz`
/// in UTC.
pub(super) struct ShownMoment {
    pub(super) micros: i64,
    pub(super) zone: bool,
}

impl fmt::Display for ShownMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, time) = (self.micros.div_euclid(MICROS_PER_DAY), self.micros.rem_euclid(MICROS_PER_DAY));
        let date = ShownDate(days).to_string();
        let (date, era) = date.split_once(' ').map_or((date.as_str(), ""), |(date, _)| (date, " BC"));
        write!(f, "{date} {}{}{era}", ShownTime(time), if self.zone { "+00" } else { "" })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_comes_back() {
        let mut expected = days(1, 1, 1).unwrap();
        for year in 1..=9999 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(found) = days(year, month, day) {
                        assert_eq!(found, expected);
                        assert_eq!(civil(found), (year, month, day));
                        expected += 1;
                    }
                }
            }
        }
        // 9999 years: 9999 × 365 and a leap day in 2,424 of them
        assert_eq!(expected - days(1, 1, 1).unwrap(), 9999 * 365 + 2424);
        assert_eq!(days(2000, 1, 1), Some(0));
        assert_eq!(days(1970, 1, 1), Some(-10_957));
    }

    #[test]
    fn days_that_never_were_are_none() {
        for (year, month, day) in [
            (0, 1, 1),
            (10_000, 1, 1),
            (2023, 2, 29),
            (1900, 2, 29),
            (2024, 4, 31),
            (2024, 13, 1),
            (2024, 0, 1),
            (2024, 1, 0),
        ] {
            assert_eq!(days(year, month, day), None, "{year}-{month}-{day}");
        }
        assert!(days(2000, 2, 29).is_some());
    }

    #[test]
    fn they_are_shown_as_the_server_prints_them() {
        assert_eq!(ShownMoment { micros: 0, zone: false }.to_string(), "2000-01-01 00:00:00");
        assert_eq!(ShownMoment { micros: -1, zone: true }.to_string(), "1999-12-31 23:59:59.999999+00");
        assert_eq!(ShownTime(3_723_120_000).to_string(), "01:02:03.12");
        assert_eq!(ShownDate(days(1, 1, 1).unwrap() - 1).to_string(), "0001-12-31 BC");
        let before = (days(1, 1, 1).unwrap() - 1) * MICROS_PER_DAY;
        assert_eq!(ShownMoment { micros: before, zone: true }.to_string(), "0001-12-31 00:00:00+00 BC");
    }
}
