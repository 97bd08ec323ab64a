//! Seconds since 1970 for people, in UTC.

/// `2026-11-22`.
pub fn day(wall: u64) -> String {
    let (year, month, day) = civil(wall);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-11-22 09:05 UTC`.
pub fn minute(wall: u64) -> String {
    let (hour, minute) = (wall / 3600 % 24, wall / 60 % 60);
    format!("{} {hour:02}:{minute:02} UTC", day(wall))
}

/// Howard Hinnant's `civil_from_days`.
fn civil(wall: u64) -> (i64, i64, i64) {
    let days = i64::try_from(wall / 86_400).unwrap_or(0) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::{day, minute};

    #[test]
    fn days_and_minutes() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(951_782_400), "2000-02-29");
        assert_eq!(day(1_795_305_600), "2026-11-22");
        assert_eq!(minute(1_795_305_600 + 9 * 3600 + 5 * 60 + 59), "2026-11-22 09:05 UTC");
    }
}
