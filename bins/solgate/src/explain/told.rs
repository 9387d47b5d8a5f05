//! An explanation, for people and for programs.

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use transship::{store::ObjectInfo, types::Key};

use super::{Action, Explained, Explanation};

impl Explanation<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n  at {}\n", Key::from(self.key), self.route.source.describe());
        text += &match &self.source {
            None => "  is not there\n".to_owned(),
            Some(info) => {
                let window = if self.listed { "within timedelta: listed" } else { "older than timedelta: not listed" };
                format!("  {}, modified {}{}, {window}\n", bytes(info), rfc3339(info.last_modified), etag(info))
            }
        };
        for explained in &self.targets {
            let leg = &self.route.legs[explained.target.leg];
            text += &format!("{}, at {}\n", leg.name, leg.place.describe());
            for line in self.lines(explained) {
                text += &format!("  {line}\n");
            }
        }
        text
    }

    fn lines(&self, explained: &Explained) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(key) = self.key_there(explained) {
            let why = match self.route.legs[explained.target.leg].keys.formatter() {
                Some(formatter) => format!("by the formatter {}", formatter.destination()),
                None => "as it is: the source or this destination has no formatter".to_owned(),
            };
            lines.push(format!("key {key}, {why}"));
            lines.push(match &explained.there {
                Ok(Some(info)) => format!("there now: {}", of_copy(info)),
                Ok(None) => "there now: nothing".to_owned(),
                Err(error) => format!("there now: cannot be told: {error}"),
            });
        }
        match &explained.action {
            Action::Write { unpack, newest_wins } => {
                let who = if self.listed { "" } else { " by `transfer` or with --backfill" };
                lines.push(format!("would be written{who}"));
                if *unpack {
                    lines.push("unpacked on the way, because the key ends in .gz".to_owned());
                }
                if *newest_wins {
                    lines.push(SHARED.to_owned());
                }
            }
            Action::Keep(time) => {
                let newer = format!("the object there was copied from a newer source, of {}", rfc3339(*time));
                lines.push(format!("would be left alone: {newer}"));
                lines.push(SHARED.to_owned());
            }
            Action::Fail(error) => lines.push(format!("would fail: {error}")),
            Action::Nothing => lines.push("nothing would be written: the source has no such object".to_owned()),
        }
        lines
    }

    pub(super) fn json(&self) -> Value {
        let (exists, source) = (self.source.is_some(), self.source.as_ref());
        json!({
            "key": self.key, "exists": exists, "listed": self.listed,
            "size": source.map(|info| info.size), "last_modified": source.map(|info| rfc3339(info.last_modified)),
            "e_tag": source.and_then(|info| info.etag.as_ref()),
            "destinations": self.targets.iter().map(|explained| self.destination(explained)).collect::<Vec<_>>(),
        })
    }

    fn destination(&self, explained: &Explained) -> Value {
        let leg = &self.route.legs[explained.target.leg];
        let (action, reason, unpack) = match &explained.action {
            Action::Write { unpack, .. } => ("write", None, *unpack),
            Action::Keep(_) => ("skip", Some("newer at the destination"), false),
            Action::Fail(error) => ("fail", Some(&**error), false),
            Action::Nothing => ("none", Some("the source has no such object"), false),
        };
        let there = explained.there.as_ref().ok().and_then(Option::as_ref).map(|info| {
            json!({
                "size": info.size, "last_modified": rfc3339(info.last_modified), "e_tag": info.etag,
                "modified_at_source": info.modified_at_source.map(rfc3339),
            })
        });
        json!({
            "destination": leg.name, "location": leg.place.describe(), "key": self.key_there(explained),
            "there": there, "action": action, "reason": reason, "unpack": unpack,
            "newest_wins": leg.keys.newest_wins(),
        })
    }

    /// The key below the destination's own prefix, as the report gives it.
    fn key_there(&self, explained: &Explained) -> Option<Key> {
        explained.target.key.as_ref()?.strip_prefix(&self.route.legs[explained.target.leg].place.prefix)
    }
}

/// The others are not looked for: that would take a listing of the whole source.
const SHARED: &str = "any newer object of the source that gets this key wins: the formatter drops a group, so that \
                      several objects share it";

fn of_copy(info: &ObjectInfo) -> String {
    // The only time that a file has may be its own as well as its source's.
    let from = match info.modified_at_source.filter(|time| *time != info.last_modified) {
        Some(time) => format!(", copied from a source of {}", rfc3339(time)),
        None => String::new(),
    };
    format!("{}, written {}{}{from}", bytes(info), rfc3339(info.last_modified), etag(info))
}

fn bytes(info: &ObjectInfo) -> String {
    if info.size == 1 { "1 byte".to_owned() } else { format!("{} bytes", info.size) }
}

fn etag(info: &ObjectInfo) -> String {
    info.etag.as_ref().map_or_else(String::new, |etag| format!(", ETag {etag}"))
}

fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}
