//! How rclone writes truth and sizes.

use crate::{ConfigError, written::found};

type Parsed<T> = std::result::Result<T, ConfigError>;

pub(super) fn truth(text: &str) -> Parsed<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(found(text).expected("true or false")),
    }
}

/// `None` is rclone's third value, which leaves it to the provider.
pub(super) fn tristate(text: &str) -> Parsed<Option<bool>> {
    if text.eq_ignore_ascii_case("unset") { Ok(None) } else { truth(text).map(Some) }
}

/// Bytes. A number alone counts KiB. <https://rclone.org/docs/#size-options>
pub(super) fn size(text: &str) -> Parsed<u64> {
    let wrong = || found(text).expected("a size such as 64M, 1.5Gi or 1048576B (a number alone counts KiB)");
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "b" => 0,
        "" | "k" | "ki" | "kib" => 10,
        "m" | "mi" | "mib" => 20,
        "g" | "gi" | "gib" => 30,
        "t" | "ti" | "tib" => 40,
        "p" | "pi" | "pib" => 50,
        _ => return Err(wrong()),
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(1 << shift).ok_or_else(wrong);
    }
    let fraction: f64 = number.parse().map_err(|_| wrong())?;
    let bytes = fraction * (1_u64 << shift) as f64;
    if bytes < i64::MAX as f64 { Ok(bytes as u64) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_rclone_reads_them() {
        for (text, bytes) in [
            ("5", 5 << 10),
            ("0", 0),
            ("7b", 7),
            ("7B", 7),
            ("64M", 64 << 20),
            ("64Mi", 64 << 20),
            ("64MiB", 64 << 20),
            ("1.5G", 3 << 29),
            ("4.5k", 4608),
            ("1p", 1 << 50),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "off", "x", "5MB", "-1", "5 M", "1.2.3G", "99999999999P", "1e3", "."] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn truth_is_what_go_takes_for_it() {
        assert_eq!([truth("true"), truth("1"), truth("T")], [Ok(true), Ok(true), Ok(true)]);
        assert_eq!([truth("false"), truth("0"), truth("F")], [Ok(false), Ok(false), Ok(false)]);
        assert!(truth("yes").is_err() && truth("tRUE").is_err() && truth("").is_err());
    }
}
