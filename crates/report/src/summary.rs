use std::{collections::BTreeMap, fmt, time::Duration};

use bytesize::ByteSize;
use transship_types::Strength;

use crate::{Counts, DestinationTotals, Ending, Header, Totals};

/// A run in a few lines that a person understands. Lines end with a line break, the last one too.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// What was run.
    pub header: &'a Header,
    /// How it ended.
    pub ending: &'a Ending,
    /// What its objects add up to.
    pub totals: &'a Totals,
    /// What the exit code means.
    pub meaning: &'a str,
    /// Further results, such as `("report", "run.json")`.
    pub files: &'a [(&'a str, String)],
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { header, ending, totals, .. } = self;
        let dry = if header.dry_run { " (dry run: nothing was written)" } else { "" };
        let meaning = match ending.exit_code {
            0 if header.dry_run => "nothing stands in the way",
            4 if header.dry_run => "some objects cannot be written",
            5 if header.dry_run => "a guard would refuse to delete",
            _ => self.meaning,
        };
        writeln!(f, "{} {}: {meaning}{dry}", header.tool, header.command)?;
        for reason in [&ending.error, &ending.guard].into_iter().flatten() {
            writeln!(f, "  {reason}")?;
        }
        line(f, "objects", &self.objects())?;
        let (read, written) = (ByteSize(totals.bytes), ByteSize(totals.bytes_written));
        let written = if header.dry_run { String::new() } else { format!(", {} written", written.display().iec()) };
        let gone = match (totals.bytes_deleted, header.dry_run) {
            (0, _) => String::new(),
            (bytes, false) => format!(", {} deleted", ByteSize(bytes).display().iec()),
            (bytes, true) => format!(", {} would be deleted", ByteSize(bytes).display().iec()),
        };
        line(f, "bytes", &format!("{} at the source{written}{gone}", read.display().iec()))?;
        line(f, "time", &self.time())?;
        if !totals.verified.is_empty() {
            line(f, "verified", &strengths(&totals.verified))?;
        }
        for (note, count) in &totals.notes {
            line(f, "noted", &format!("{} of the copies: {note}", number(*count)))?;
        }
        for (reason, count) in totals.skipped_because.iter().filter(|_| !header.dry_run) {
            line(f, "skipped", &format!("{} because: {reason}", number(*count)))?;
        }
        if totals.kept > 0 {
            line(f, "kept", &format!("{} that were replaced or deleted", number(totals.kept)))?;
        }
        if totals.changed_since_listing > 0 {
            let changed = number(totals.changed_since_listing);
            line(f, "changed", &format!("{changed} since they were listed; the newer ones were brought"))?;
        }
        let requests: u64 = ending.requests.iter().map(crate::StoreRequests::total).sum();
        if requests > 0 {
            line(f, "requests", &number(requests))?;
        }
        self.places(f)?;
        self.failures(f)?;
        self.files.iter().try_for_each(|(label, place)| line(f, label, place))
    }
}

impl Summary<'_> {
    fn objects(&self) -> String {
        let Counts { copied, skipped, failed, cancelled, planned, planned_deletions, deleted } = self.totals.counts;
        let words = if self.header.dry_run { ["left alone", "cannot be written"] } else { ["skipped", "failed"] };
        let counts = [
            (copied, "copied"),
            (deleted, "deleted"),
            (planned, "would be written"),
            (planned_deletions, "would be deleted"),
            (skipped, words[0]),
            (failed, words[1]),
            (cancelled, "not finished"),
        ];
        let parts = nonzero(&counts);
        if parts.is_empty() {
            "none".to_owned()
        } else {
            format!("{}: {}", number(self.totals.objects), parts.join(", "))
        }
    }

    fn time(&self) -> String {
        let elapsed = Duration::try_from(self.ending.finished - self.header.started).unwrap_or_default();
        let seconds = elapsed.as_secs_f64();
        let mut text = duration(elapsed);
        if seconds >= 0.001 && self.totals.bytes_written > 0 {
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a rate
            let rate = |count: u64| (count as f64 / seconds).round() as u64;
            let bytes = ByteSize(rate(self.totals.bytes_written));
            text += &format!(", {}/s, {} objects/s", bytes.display().iec(), number(rate(self.totals.objects)));
        }
        text
    }

    fn places(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for totals in &self.totals.destinations {
            let place = self.header.destinations.iter().find(|place| place.name == totals.name);
            let location = place.map_or("", |place| place.location.as_str());
            writeln!(f, "  to {} {location}", totals.name)?;
            let told = if self.header.dry_run { foretold(totals) } else { destination(totals) };
            writeln!(f, "    {told}")?;
        }
        Ok(())
    }

    fn failures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failures = &self.totals.failures;
        for reason in &failures.reasons {
            let fails = if self.header.dry_run { "would fail at" } else { "failed at" };
            writeln!(f, "  {fails} {}: {} x {}", reason.destination, number(reason.count), reason.error)?;
            reason.examples.iter().try_for_each(|key| writeln!(f, "    {key}"))?;
            let more = reason.count.saturating_sub(reason.examples.len() as u64);
            if more > 0 && !reason.examples.is_empty() {
                writeln!(f, "    and {} more", number(more))?;
            }
        }
        if failures.others > 0 {
            writeln!(f, "  failed for other reasons: {}", number(failures.others))?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, label: &str, value: &str) -> fmt::Result {
    writeln!(f, "  {label:<12}{value}")
}

fn destination(totals: &DestinationTotals) -> String {
    let (Counts { copied, deleted, skipped, failed, cancelled, .. }, bytes) = (totals.counts, totals.bytes);
    let mut parts = Vec::new();
    if copied > 0 {
        parts.push(format!("{} copied ({})", number(copied), ByteSize(bytes).display().iec()));
    }
    parts.extend(nonzero(&[
        (deleted, "deleted"),
        (skipped, "skipped"),
        (failed, "failed"),
        (cancelled, "not finished"),
    ]));
    if copied > 0 {
        parts.push(format!("verified by {}", strengths(&totals.verified)));
    }
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// What a destination would get.
fn foretold(totals: &DestinationTotals) -> String {
    let Counts { planned, planned_deletions, failed, cancelled, .. } = totals.counts;
    let bytes = ByteSize(totals.planned_bytes);
    let mut parts = Vec::new();
    if planned > 0 || planned_deletions == 0 {
        parts.push(format!("would write {} ({} at the source)", number(planned), bytes.display().iec()));
    }
    if planned_deletions > 0 {
        parts.push(format!("would delete {}", number(planned_deletions)));
    }
    let alone = |(reason, count): (&String, &u64)| format!("{} left alone: {reason}", number(*count));
    parts.extend(totals.skipped_because.iter().map(alone));
    parts.extend(nonzero(&[(failed, "cannot be written"), (cancelled, "not looked at")]));
    parts.join("; ")
}

fn nonzero(counts: &[(u64, &str)]) -> Vec<String> {
    counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", number(*n))).collect()
}

fn strengths(verified: &BTreeMap<Strength, u64>) -> String {
    let told = |(strength, count): (&Strength, &u64)| {
        let note = if strength.proves_content() { "" } else { " (not the content)" };
        format!("{} {}{note}", strength.name(), number(*count))
    };
    verified.iter().map(told).collect::<Vec<_>>().join(", ")
}

/// `1234567` as `1,234,567`.
fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", elapsed.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}
