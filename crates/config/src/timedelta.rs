use std::time::Duration;

use crate::ConfigError;

/// What a time span looks like, for errors.
pub(crate) const TIMEDELTA_FORM: &str = "a time span like 1w 2d 3h 4m 5s, in this order, each at most once";

/// Seconds of each unit, in the order in which they must come.
const UNITS: [(char, u64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// The longest span: beyond it, subtracting from a date would leave the calendar.
const LONGEST: Duration = Duration::from_secs(400_000 * 604_800);

/// Takes a time span apart: `Nw Nd Nh Nm Ns`, in that order, each at most once, at least one, with blanks or commas between
/// them if wanted. The whole text must match; N is a whole number, and the sum at most 400,000 weeks.
///
/// # Errors
/// Everything else: `1h1d`, `1d foo`, `1.5h`, `-1d`, `24`, nothing.
///
/// ```
/// use std::time::Duration;
/// use transship_config::parse_timedelta;
///
/// assert_eq!(parse_timedelta("1d")?, Duration::from_secs(86_400));
/// assert_eq!(parse_timedelta("1w, 2d 3h4m,5s")?, Duration::from_secs(788_645));
/// assert!(parse_timedelta("1h1d").is_err());
/// # Ok::<(), transship_config::ConfigError>(())
/// ```
pub fn parse_timedelta(text: &str) -> Result<Duration, ConfigError> {
    let wrong = || super::written::found(text).expected(TIMEDELTA_FORM);
    let too_long = || super::written::found(text).expected("at most 400000w");
    let mut rest = text.trim();
    let mut units = UNITS.iter();
    let mut seconds: u64 = 0;
    loop {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let unit = after.chars().next().ok_or_else(wrong)?;
        // Searching on from the last unit is what makes order and once-only hold.
        let (_, size) = units.find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        if number.is_empty() {
            return Err(wrong());
        }
        let part = number.parse::<u64>().ok().and_then(|n| n.checked_mul(*size)).ok_or_else(too_long)?;
        seconds = seconds.checked_add(part).ok_or_else(too_long)?;
        let after = &after[unit.len_utf8()..];
        if after.is_empty() {
            break;
        }
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    Some(Duration::from_secs(seconds)).filter(|span| *span <= LONGEST).ok_or_else(too_long)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        parse_timedelta(text).ok().map(|span| span.as_secs())
    }

    #[test]
    fn the_five_units_add_up_in_order() {
        for (text, expected) in [
            ("1d", 86_400),
            ("1w", 604_800),
            ("1w2d3h4m5s", 788_645),
            ("1w 2d 3h 4m 5s", 788_645),
            ("1w, 2d,3h ,4m , 5s", 788_645),
            ("90m", 5_400),
            ("007s", 7),
            ("0s", 0),
            (" 5200w ", 5_200 * 604_800),
            ("1w 1s", 604_801),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn everything_else_is_an_error() {
        for text in [
            "1h1d",
            "1d foo",
            "1.5h",
            "-1d",
            "24",
            "",
            " ",
            "d",
            "1d1d",
            "1 d",
            "1D",
            "1d,",
            ",1d",
            "+1d",
            "1y",
            "1d;1h",
            "1d\n1h",
            "٣d",
            "1day",
            "1d 2",
            "99999999999999999999w",
            "400001w",
            "9999999999999999999s",
            "1ｄ",
        ] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
        let error = parse_timedelta("1h1d").unwrap_err().to_string();
        assert_eq!(error, "found \"1h1d\": expected a time span like 1w 2d 3h 4m 5s, in this order, each at most once");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9wdhms ,.-]{0,20}|.*") {
            let _ = parse_timedelta(&text);
        }
    }
}
