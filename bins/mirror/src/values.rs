//! Values as rclone writes them: <https://rclone.org/docs/#size-options>, <https://rclone.org/docs/#time-options>.

use std::{str::FromStr, time::Duration};

use time::{
    OffsetDateTime, PrimitiveDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};
use transship_support::Span;

/// How long ago, or since when: a time span, or a date in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// So long before now.
    Ago(Duration),
    /// At this time.
    At(OffsetDateTime),
}

impl Age {
    /// The time that is meant.
    pub fn before(self, now: OffsetDateTime) -> OffsetDateTime {
        match self {
            Self::At(time) => time,
            // What is older than time itself is as old as can be said.
            Self::Ago(span) => time::Duration::try_from(span)
                .ok()
                .and_then(|span| now.checked_sub(span))
                .unwrap_or(PrimitiveDateTime::MIN.assume_utc()),
        }
    }
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const DATES: [&[BorrowedFormatItem<'_>]; 2] = [
            format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]"),
            format_description!("[year]-[month]-[day] [hour]:[minute]:[second]"),
        ];
        if let Ok(Span(span)) = text.parse() {
            return Ok(Self::Ago(span));
        }
        if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
            return Ok(Self::At(time));
        }
        let date = DATES.iter().find_map(|form| PrimitiveDateTime::parse(text, form).ok());
        let day =
            || time::Date::parse(text, format_description!("[year]-[month]-[day]")).ok().map(time::Date::midnight);
        date.or_else(day).map(|time| Self::At(time.assume_utc())).ok_or_else(|| {
            "expected a time span such as 1h30m or 2d, or a date such as 2024-05-06 or 2024-05-06T07:08:09Z".to_owned()
        })
    }
}

/// `50` or `10%`.
pub(crate) fn share(text: &str) -> Result<transship::mirror::Share, String> {
    use transship::mirror::Share;
    let wrong = || "expected a number of objects, or a share such as 10%".to_owned();
    match text.strip_suffix('%') {
        Some(percent) => percent.parse().ok().filter(|p| *p <= 100).map(Share::Percent).ok_or_else(wrong),
        None => text.parse().map(Share::Count).map_err(|_| wrong()),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_age_is_a_span_or_a_date() {
        let now = datetime!(2024-05-06 12:00 UTC);
        for (text, time) in [
            ("1d", datetime!(2024-05-05 12:00 UTC)),
            ("2024-01-02", datetime!(2024-01-02 0:00 UTC)),
            ("2024-01-02T03:04:05", datetime!(2024-01-02 03:04:05 UTC)),
            ("2024-01-02T03:04:05+01:00", datetime!(2024-01-02 02:04:05 UTC)),
        ] {
            assert_eq!(text.parse::<Age>().unwrap().before(now), time, "{text}");
        }
        assert!("yesterday".parse::<Age>().is_err());
        assert!("999999y".parse::<Age>().unwrap().before(now).year() < 0);
    }

    #[test]
    fn shares_are_counts_or_percents() {
        use transship::mirror::Share;
        assert_eq!((share("5"), share("50%")), (Ok(Share::Count(5)), Ok(Share::Percent(50))));
        assert!(share("101%").is_err() && share("-1").is_err() && share("half").is_err());
    }
}
