use time::{OffsetDateTime, UtcOffset};

/// The values that a destination template may use without capturing them: the moment of the run, in UTC.
///
/// | name | renders as |
/// |---|---|
/// | `datetime` | `2020-01-02T03:04:05` |
/// | `date` | `2020-01-02` |
/// | `year` `month` `day` `hour` `minute` `second` | plain numbers, not padded: `2020`, `1`, `2`, `3`, `4`, `5` |
/// | `weekday` | `0` for Monday to `6` for Sunday |
///
/// Take one per run, so that all keys of a run agree even where it passes midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    moment: OffsetDateTime,
}

impl Defaults {
    /// The names that are always known.
    pub const NAMES: [&'static str; 9] =
        ["datetime", "date", "year", "month", "day", "hour", "minute", "second", "weekday"];

    /// The defaults of a run that started at this moment; another offset is converted to UTC.
    pub fn at(moment: OffsetDateTime) -> Self {
        Self { moment: moment.to_offset(UtcOffset::UTC) }
    }

    /// What `name` renders as; `None` where it is not one of [`Self::NAMES`].
    pub fn get(&self, name: &str) -> Option<String> {
        let t = self.moment;
        let date = || format!("{:04}-{:02}-{:02}", t.year(), u8::from(t.month()), t.day());
        Some(match name {
            "datetime" => format!("{}T{:02}:{:02}:{:02}", date(), t.hour(), t.minute(), t.second()),
            "date" => date(),
            "year" => t.year().to_string(),
            "month" => u8::from(t.month()).to_string(),
            "day" => t.day().to_string(),
            "hour" => t.hour().to_string(),
            "minute" => t.minute().to_string(),
            "second" => t.second().to_string(),
            "weekday" => t.weekday().number_days_from_monday().to_string(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn every_name_has_a_value_and_no_other_has() {
        let defaults = Defaults::at(datetime!(2020-01-02 03:04:05.678 UTC));
        let all: Vec<_> = Defaults::NAMES.iter().map(|name| defaults.get(name).unwrap()).collect();
        assert_eq!(all, ["2020-01-02T03:04:05", "2020-01-02", "2020", "1", "2", "3", "4", "5", "3"]);
        assert_eq!(defaults.get("Date"), None);
    }

    #[test]
    fn the_moment_is_converted_to_utc_and_weeks_start_on_monday() {
        let defaults = Defaults::at(datetime!(2024-01-01 00:30 +02:00));
        assert_eq!(defaults.get("date").unwrap(), "2023-12-31");
        assert_eq!(defaults.get("weekday").unwrap(), "6");
        assert_eq!(Defaults::at(datetime!(2024-01-01 0:00 UTC)).get("weekday").unwrap(), "0");
    }
}
