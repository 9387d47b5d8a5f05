//! Time spans as rclone writes them: <https://rclone.org/docs/#time-options>.

use std::{str::FromStr, time::Duration};

const YEAR: f64 = 365.25 * DAY;
const MONTH: f64 = YEAR / 12.0;
const DAY: f64 = 86_400.0;

/// A time span: `1h30m`, `2d`, `1.5w`, `100ms`; a bare number is seconds. `M` are months, `y` years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_are_read_as_rclone_reads_them() {
        for (text, seconds) in [("90", 90.0), ("1h30m", 5400.0), ("1.5d", 129_600.0), ("100ms", 0.1), ("1M", MONTH)] {
            assert_eq!(text.parse(), Ok(Span(Duration::from_secs_f64(seconds))), "{text}");
        }
        for text in ["", "h", "1x", "-1h", "1h-"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
