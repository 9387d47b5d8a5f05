//! Durations as seconds with a fraction, to the millisecond.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*duration))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)?;
    // Nanoseconds come from the fraction's binary form; only milliseconds were written.
    let millis = u64::try_from((duration + Duration::from_micros(500)).as_millis()).unwrap_or(u64::MAX);
    Ok(Duration::from_millis(millis))
}
