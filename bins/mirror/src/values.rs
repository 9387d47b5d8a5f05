//! Values as rclone writes them: <https://rclone.org/docs/#size-options>, <https://rclone.org/docs/#time-options>.

use std::{fmt, str::FromStr, time::Duration};

use time::{
    OffsetDateTime, PrimitiveDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

/// Bytes: `10` are KiB, with `B`, `K`, `M`, `G`, `T` or `P` (`Ki`, `KiB` and so on are the same) what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected a size such as 10M, 1.5G, 500K or 100B; a bare number is KiB".to_owned();
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let power = match suffix.to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
            "" if suffix.eq_ignore_ascii_case("b") => 0,
            "" if suffix.is_empty() => 1,
            "k" => 1,
            "m" => 2,
            "g" => 3,
            "t" => 4,
            "p" => 5,
            _ => return Err(wrong()),
        };
        let bytes = number * 1024_f64.powi(power);
        if bytes > 9e18 {
            return Err(wrong());
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked above, and no sign was read
        let bytes = bytes as u64;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}B", self.0)
    }
}

const YEAR: f64 = 365.25 * DAY;
const MONTH: f64 = YEAR / 12.0;
const DAY: f64 = 86_400.0;

/// A time span: `1h30m`, `2d`, `1.5w`, `100ms`; a bare number is seconds. `M` are months, `y` years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected a time span such as 1h30m, 2d, 1.5w or 100ms; a bare number is seconds".to_owned();
        let (mut rest, mut seconds) = (text, 0.0);
        if text.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
            let (number, behind) = rest.split_at(digits);
            let letters = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
            let (unit, next) = behind.split_at(letters);
            let number: f64 = number.parse().map_err(|_| wrong())?;
            seconds += number * unit_of(unit).ok_or_else(wrong)?;
            rest = next;
        }
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| wrong())
    }
}

fn unit_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => DAY,
        "w" => 7.0 * DAY,
        "M" => MONTH,
        "y" => YEAR,
        _ => return None,
    })
}

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
    fn sizes_are_read_as_rclone_reads_them() {
        for (text, bytes) in [
            ("10", 10 << 10),
            ("10B", 10),
            ("1.5k", 1536),
            ("2M", 2 << 20),
            ("2Mi", 2 << 20),
            ("2MiB", 2 << 20),
            ("1G", 1 << 30),
            ("1t", 1 << 40),
            ("0", 0),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "x", "-1", "1X", "1e3", "99999P"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn time_spans_are_read_as_rclone_reads_them() {
        for (text, seconds) in [("90", 90.0), ("1h30m", 5400.0), ("1.5d", 129_600.0), ("100ms", 0.1), ("1M", MONTH)] {
            assert_eq!(text.parse(), Ok(Span(Duration::from_secs_f64(seconds))), "{text}");
        }
        for text in ["", "h", "1x", "-1h", "1h-"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

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
