use std::{collections::VecDeque, fmt, time::Duration};

use bytesize::ByteSize;
use tokio::time::Instant;

use super::Snapshot;

/// Over how long a rate is taken.
const WINDOW: Duration = Duration::from_secs(30);

/// The bytes done at some moments of the last half minute.
#[derive(Default)]
pub(super) struct Pace(VecDeque<(Instant, u64)>);

impl Pace {
    pub(super) fn line(&mut self, snapshot: Snapshot) -> Line {
        let now = Instant::now();
        // One that is older than the window stays, so that sparse samples give a rate as well.
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.0.pop_front();
        }
        self.0.push_back((now, snapshot.bytes_done));
        let rate = self.0.front().and_then(|(then, bytes)| {
            let elapsed = now.duration_since(*then).as_secs_f64();
            #[allow(clippy::cast_precision_loss)] // a rate
            let done = snapshot.bytes_done.saturating_sub(*bytes) as f64;
            (elapsed > 0.0).then_some(done / elapsed)
        });
        Line { snapshot, rate }
    }
}

/// `120 of 1204 objects, 1.2 GiB of 3.4 GiB read, 107.0 MiB/s, 20 s left, 2 failed`, or
/// `7304 checked, 120 of 1204 or more objects copied, 1.2 GiB of 3.4 GiB read, 107.0 MiB/s, 5 of 6 deleted`
pub(super) struct Line {
    pub(super) snapshot: Snapshot,
    /// Bytes per second.
    rate: Option<f64>,
}

impl Line {
    pub(super) fn permille(&self) -> u64 {
        let Snapshot { objects_done, objects_total, bytes_done, bytes_total, .. } = self.snapshot;
        // Empty objects count too: a run of nothing but those has no bytes.
        let (done, total) = if bytes_total > 0 { (bytes_done, bytes_total) } else { (objects_done, objects_total) };
        let permille = u64::try_from(u128::from(done) * 1000 / u128::from(total.max(1))).unwrap_or(1000);
        // What has been read has not yet been written and verified.
        permille.min(if objects_done < objects_total { 990 } else { 1000 })
    }

    /// Objects that are left where all was read: what is still being written or verified, or tried again.
    fn finishing(&self) -> Option<u64> {
        let Snapshot { objects_done, objects_total, bytes_done, bytes_total, complete, .. } = self.snapshot;
        let left = objects_total.saturating_sub(objects_done);
        (complete && left > 0 && bytes_total > 0 && bytes_done >= bytes_total).then_some(left)
    }

    pub(super) fn bytes_per_second(&self) -> Option<u64> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a rate
        self.rate.map(|rate| rate.round() as u64)
    }

    /// Seconds.
    pub(super) fn left(&self) -> Option<u64> {
        let Snapshot { bytes_done, bytes_total, complete, .. } = self.snapshot;
        let rate = self.rate.filter(|rate| complete && *rate >= 1.0 && bytes_done < bytes_total)?;
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an estimate
        Some((bytes_total.saturating_sub(bytes_done) as f64 / rate).ceil() as u64)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshot { objects_done, objects_total, bytes_done, bytes_total, complete, failed, checked, deleted } =
            self.snapshot;
        let more = if complete { "" } else { " or more" };
        let iec = |bytes| ByteSize(bytes).display().iec();
        let copied = if let Some(checked) = checked {
            write!(f, "{checked} checked, ")?;
            " copied"
        } else {
            ""
        };
        write!(f, "{objects_done} of {objects_total}{more} objects{copied}, {}", iec(bytes_done))?;
        // Sizes that nobody knew, or bytes that were read twice, may bring more than was to come.
        if bytes_done <= bytes_total {
            write!(f, " of {}", iec(bytes_total))?;
        }
        f.write_str(" read")?;
        if let Some(left) = self.finishing() {
            match left {
                1 => f.write_str(", finishing the last object")?,
                left => write!(f, ", finishing the last {left} objects")?,
            }
        } else if let Some(rate) = self.bytes_per_second() {
            write!(f, ", {}/s", iec(rate))?;
        }
        match self.left() {
            Some(s @ 0..60) => write!(f, ", {s} s left")?,
            Some(s @ 60..3600) => write!(f, ", {} min {} s left", s / 60, s % 60)?,
            Some(s) => write!(f, ", {} h {} min left", s / 3600, s / 60 % 60)?,
            None => {}
        }
        if let Some((done, total)) = deleted {
            write!(f, ", {done} of {total}{more} deleted")?;
        }
        if failed > 0 { write!(f, ", {failed} failed") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(snapshot: Snapshot, rate: Option<f64>) -> String {
        Line { snapshot, rate }.to_string()
    }

    #[test]
    fn lines_tell_objects_bytes_rate_and_time_left() {
        let half = Snapshot {
            objects_done: 5,
            objects_total: 10,
            bytes_done: 1 << 30,
            bytes_total: 2 << 30,
            complete: true,
            ..Snapshot::default()
        };
        let expected = "5 of 10 objects, 1.0 GiB of 2.0 GiB read, 8.0 MiB/s, 2 min 8 s left";
        assert_eq!(line(half, Some(8_388_608.0)), expected);
        assert_eq!(line(half, None), "5 of 10 objects, 1.0 GiB of 2.0 GiB read");
        let growing = Snapshot { complete: false, failed: 3, ..half };
        let expected = "5 of 10 or more objects, 1.0 GiB of 2.0 GiB read, 1.0 KiB/s, 3 failed";
        assert_eq!(line(growing, Some(1024.0)), expected);
        assert_eq!(line(half, Some(0.0)), "5 of 10 objects, 1.0 GiB of 2.0 GiB read, 0 B/s", "a stall has no end");
    }

    #[test]
    fn a_line_tells_what_was_checked_and_deleted_where_that_is_counted() {
        let first =
            Snapshot { checked: Some(700), objects_done: 1, objects_total: 2, bytes_total: 9, ..Snapshot::default() };
        assert_eq!(line(first, None), "700 checked, 1 of 2 or more objects copied, 0 B of 9 B read");
        let last = Snapshot { complete: true, deleted: Some((3, 4)), failed: 1, ..first };
        let expected = "700 checked, 1 of 2 objects copied, 0 B of 9 B read, 3 of 4 deleted, 1 failed";
        assert_eq!(line(last, None), expected);
    }

    #[test]
    fn what_has_been_read_is_not_yet_done() {
        let read = Snapshot {
            objects_done: 8,
            objects_total: 10,
            bytes_done: 2 << 30,
            bytes_total: 2 << 30,
            complete: true,
            ..Snapshot::default()
        };
        let expected = "8 of 10 objects, 2.0 GiB of 2.0 GiB read, finishing the last 2 objects";
        assert_eq!(line(read, Some(1024.0)), expected);
        assert_eq!(Line { snapshot: read, rate: None }.permille(), 990);
        let twice = Snapshot { bytes_done: 3 << 30, objects_done: 9, ..read };
        assert_eq!(line(twice, None), "9 of 10 objects, 3.0 GiB read, finishing the last object");
        let done = Snapshot { objects_done: 10, ..read };
        assert_eq!(line(done, None), "10 of 10 objects, 2.0 GiB of 2.0 GiB read");
        assert_eq!(Line { snapshot: done, rate: None }.permille(), 1000);
    }

    #[test]
    fn the_bar_follows_bytes_and_objects_where_there_are_none() {
        let at = |snapshot| Line { snapshot, rate: None }.permille();
        assert_eq!(at(Snapshot::default()), 0);
        assert_eq!(at(Snapshot { objects_done: 1, objects_total: 4, ..Snapshot::default() }), 250);
        assert_eq!(at(Snapshot { bytes_done: u64::MAX, bytes_total: 1, ..Snapshot::default() }), 1000);
    }
}
