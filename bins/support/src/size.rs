//! Sizes as rclone writes them: <https://rclone.org/docs/#size-options>.

use std::{fmt, str::FromStr};

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

#[cfg(test)]
mod tests {
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
}
