//! `--bwlimit` as rclone has it: <https://rclone.org/docs/#bwlimit-bandwidth-spec>.

use std::{num::NonZeroU64, str::FromStr, time::Duration};

use bytesize::ByteSize;
use chrono::{Datelike, Local, Timelike};
use transship_transfer::{Bandwidth, Rates};

use crate::Size;

const HOUR: u16 = 60;
const DAY: u16 = 24 * HOUR;

const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// Rates, and from when on in the week each holds, in local time. The default limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timetable {
    /// In the order of their times; of two at one time the last one holds.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    /// Minutes since Sunday, 0:00.
    from: u16,
    rates: Rates,
}

impl Timetable {
    /// What holds so many minutes after Sunday, 0:00: what began last, be it in the week before.
    pub fn at(&self, minute: u16) -> Rates {
        let begun = self.slots.partition_point(|slot| slot.from <= minute);
        let slot = begun.checked_sub(1).map_or_else(|| self.slots.last(), |last| self.slots.get(last));
        slot.map_or_else(Rates::default, |slot| slot.rates)
    }

    /// A limit that follows the table as long as the process lives.
    pub(crate) fn start(&self) -> Bandwidth {
        let now = self.at(minute_of_week());
        if self.slots.len() <= 1 && now == Rates::default() {
            return Bandwidth::default();
        }
        let bandwidth = Bandwidth::new(now);
        tell(now);
        if self.slots.len() > 1 {
            tokio::spawn(follow(self.clone(), bandwidth.clone()));
        }
        bandwidth
    }
}

/// Looks at the clock every minute: it may be set, and a machine may sleep.
async fn follow(table: Timetable, bandwidth: Bandwidth) {
    loop {
        let rest = 60_u64.saturating_sub(Local::now().second().into()).max(1);
        tokio::time::sleep(Duration::from_secs(rest)).await;
        let now = table.at(minute_of_week());
        if now != bandwidth.rates() {
            bandwidth.set(now);
            tell(now);
        }
    }
}

fn minute_of_week() -> u16 {
    let now = Local::now();
    let minutes = now.weekday().num_days_from_sunday() * u32::from(DAY) + now.hour() * u32::from(HOUR) + now.minute();
    u16::try_from(minutes).unwrap_or_default()
}

fn tell(Rates { up, down }: Rates) {
    let rate = |rate: Option<NonZeroU64>| {
        rate.map_or_else(|| "unlimited".to_owned(), |rate| format!("{}/s", ByteSize(rate.get()).display().iec()))
    };
    tracing::info!("bandwidth: {} sent, {} received", rate(up), rate(down));
}

impl FromStr for Timetable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_one = !text.contains([',', ' ', ';']);
        let mut slots = Vec::new();
        if is_one {
            slots.push(Slot { from: 0, rates: rates(text)? });
        }
        for piece in text.split([' ', ';']).filter(|piece| !is_one && !piece.is_empty()) {
            let wrong = |why: String| format!("{piece:?} in the table: {why}");
            let (time, limit) =
                piece.split_once(',').ok_or_else(|| wrong("expected a time and a rate, such as 08:00,512k".into()))?;
            let rates = rates(limit).map_err(wrong)?;
            slots.extend(times(time).map_err(wrong)?.map(|from| Slot { from, rates }));
        }
        if slots.is_empty() {
            return Err("expected a rate such as 10M, or a table such as \"08:00,512k 19:00,off\"".to_owned());
        }
        slots.sort_by_key(|slot| slot.from);
        Ok(Self { slots })
    }
}

/// `10M`, or `10M:1M`: what is sent and what is received.
fn rates(text: &str) -> Result<Rates, String> {
    let (up, down) = text.split_once(':').unwrap_or((text, text));
    Ok(Rates { up: rate(up)?, down: rate(down)? })
}

fn rate(text: &str) -> Result<Option<NonZeroU64>, String> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let wrong = |_| format!("{text:?}: expected a rate such as 10M, 512k or off; a bare number is KiB a second");
    let Size(bytes) = text.parse().map_err(wrong)?;
    Ok(NonZeroU64::new(bytes))
}

/// When something begins in the week: `08:00` every day, `Mon-08:00` on one.
fn times(text: &str) -> Result<impl Iterator<Item = u16> + use<>, String> {
    let (days, time) = match text.split_once('-') {
        Some((day, time)) => {
            let day = weekday(day)?;
            (day..day + 1, time)
        }
        None => (0..7, text),
    };
    let minute = minute(time)?;
    Ok(days.map(move |day| day * DAY + minute))
}

fn weekday(text: &str) -> Result<u16, String> {
    let lower = text.to_ascii_lowercase();
    let found = DAYS.iter().position(|day| *day == lower || day[..3] == lower);
    found
        .and_then(|day| u16::try_from(day).ok())
        .ok_or_else(|| format!("{text:?}: expected a weekday such as Mon or Monday"))
}

fn minute(text: &str) -> Result<u16, String> {
    let two = |digits: &str, below: u16| {
        let is_number = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|number| is_number && *number < below)
    };
    let read = text.split_once(':').and_then(|(hour, minute)| Some((two(hour, 24)?, two(minute, 60)?)));
    let (hour, minute) = read.ok_or_else(|| format!("{text:?}: expected a time such as 08:00, from 00:00 to 23:59"))?;
    Ok(hour * HOUR + minute)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const K: u64 = 1 << 10;

    fn both(bytes: u64) -> Rates {
        Rates { up: NonZeroU64::new(bytes), down: NonZeroU64::new(bytes) }
    }

    fn table(text: &str) -> Timetable {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn at(day: u16, hour: u16, minute: u16) -> u16 {
        day * DAY + hour * HOUR + minute
    }

    #[test]
    fn one_rate_holds_always() {
        for (text, rates) in [
            ("off", Rates::default()),
            ("0", Rates::default()),
            ("512", both(512 * K)),
            ("10M", both(10 * K * K)),
            ("1.5MiB", both(3 * K * K / 2)),
            ("100B", both(100)),
            ("10M:100k", Rates { up: NonZeroU64::new(10 * K * K), down: NonZeroU64::new(100 * K) }),
            ("OFF:1M", Rates { up: None, down: NonZeroU64::new(K * K) }),
        ] {
            assert_eq!([0, 4711, 7 * DAY - 1].map(|minute| table(text).at(minute)), [rates; 3], "{text}");
        }
    }

    #[test]
    fn the_documented_tables_hold_at_their_times() {
        let daily = table("08:00,512k 12:00,10M 13:00,512k 18:00,30M 23:00,off");
        for day in 0..7 {
            for (hour, minute, rates) in [
                (7, 59, Rates::default()),
                (8, 0, both(512 * K)),
                (12, 30, both(10 * K * K)),
                (13, 0, both(512 * K)),
                (22, 59, both(30 * K * K)),
                (23, 0, Rates::default()),
            ] {
                assert_eq!(daily.at(at(day, hour, minute)), rates, "{day} {hour}:{minute}");
            }
        }
        let weekly = table("Mon-00:00,512 Fri-23:59,10M Sat-10:00,1M Sun-20:00,off");
        for (day, hour, minute, rates) in [
            (0, 19, 59, both(K * K)),
            (0, 20, 0, Rates::default()),
            (1, 0, 0, both(512 * K)),
            (5, 23, 58, both(512 * K)),
            (5, 23, 59, both(10 * K * K)),
            (6, 10, 0, both(K * K)),
        ] {
            assert_eq!(weekly.at(at(day, hour, minute)), rates, "{day} {hour}:{minute}");
        }
        assert_eq!(table("monday-00:00,1M;TUE-00:00,2M").at(0), both(2 * K * K), "over the end of the week");
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        for (text, words) in [
            ("", "expected a rate such as 10M"),
            (" ", "a table such as"),
            ("10X", "\"10X\": expected a rate such as 10M"),
            ("10M:", "\"\": expected a rate"),
            ("-1M", "\"-1M\": expected a rate"),
            ("08:00,1M 12:00", "\"12:00\" in the table: expected a time and a rate"),
            ("08:00,1M 24:00,2M", "\"24:00,2M\" in the table: \"24:00\": expected a time such as 08:00"),
            ("8:00,1M", "\"8:00\": expected a time"),
            ("08:60,1M", "from 00:00 to 23:59"),
            ("Mun-08:00,1M", "\"Mun\": expected a weekday such as Mon"),
            ("08:00,1M,2M", "\"1M,2M\": expected a rate"),
            ("08:00,fast", "\"08:00,fast\" in the table: \"fast\": expected a rate such as 10M, 512k or off"),
        ] {
            let error = text.parse::<Timetable>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn whatever_began_last_holds(
            entries in prop::collection::vec((prop::option::of(0_u16..7), 0_u16..24, 0_u16..60, 1_u64..1000), 1..12),
            now in 0..7 * DAY,
        ) {
            let entry = |(day, hour, minute, rate): &(Option<u16>, u16, u16, u64)| {
                let day = day.map_or_else(String::new, |day| format!("{}-", &DAYS[usize::from(day)][..3]));
                format!("{day}{hour:02}:{minute:02},{rate}k")
            };
            let text = entries.iter().map(entry).collect::<Vec<_>>().join(" ");
            // How long ago each one began; of those that began at one time the last one is written last.
            let ago = |day: u16, hour: u16, minute: u16| (now + 7 * DAY - at(day, hour, minute)) % (7 * DAY);
            let began = |(day, hour, minute, _): &(Option<u16>, u16, u16, u64)| match day {
                Some(day) => ago(*day, *hour, *minute),
                None => (0..7).map(|day| ago(day, *hour, *minute)).min().unwrap(),
            };
            let holds = entries.iter().rev().min_by_key(|entry| began(entry)).unwrap();
            prop_assert_eq!(table(&text).at(now), both(holds.3 * K));
        }
    }
}
