//! From elements to paths and texts, as a document arrives.

use quick_xml::{
    Reader,
    events::{BytesRef, Event},
};

use super::bad;
use crate::Result;

/// More than stands between the ends of two elements: a key has 1,024 bytes, nine times as many where each is escaped. What
/// is longer is refused where it comes in several pieces, because it is read again with each of them.
const LONGEST: usize = 16 << 10;

/// The reader leaves it out at the beginning of whatever it is given, and does not count it.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads a document in pieces of any length, and keeps of it what is not read yet.
#[derive(Default)]
pub(super) struct Walk {
    open: Open,
    text: String,
    /// Whether an element came to its end.
    has_begun: bool,
    /// What follows the last element that ended.
    rest: Vec<u8>,
}

/// Calls `close` at the end of every element with its path from the root and its text.
pub(super) fn walk(xml: &[u8], mut close: impl FnMut(&[String], &str) -> Result<()>) -> Result<()> {
    Walk::default().elements(xml, true, &mut close).map(drop)
}

impl Walk {
    /// Reads what has come to its end.
    pub(super) fn read(
        &mut self,
        mut piece: &[u8],
        mut close: impl FnMut(&[String], &str) -> Result<()>,
    ) -> Result<()> {
        // An element that began before: only what it lacks is moved.
        while !self.rest.is_empty() && !piece.is_empty() {
            let end = piece.iter().position(|byte| *byte == b'>').map(|at| at + 1);
            let (more, behind) = piece.split_at(end.unwrap_or(piece.len()));
            self.rest.extend_from_slice(more);
            piece = behind;
            if self.rest.len() > LONGEST {
                return Err(bad("an element in it does not end"));
            }
            if end.is_some() {
                let rest = std::mem::take(&mut self.rest);
                let read = self.elements(&rest, false, &mut close)?;
                self.rest = rest;
                self.rest.drain(..read);
            }
        }
        // Nothing is cut within a character: no markup and no text ends there.
        let end = piece.iter().rposition(|byte| *byte == b'>').map_or(0, |at| at + 1);
        let read = self.elements(&piece[..end], false, &mut close)?;
        self.rest.extend_from_slice(&piece[read..]);
        Ok(())
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self, mut close: impl FnMut(&[String], &str) -> Result<()>) -> Result<()> {
        let rest = std::mem::take(&mut self.rest);
        self.elements(&rest, true, &mut close).map(drop)
    }

    /// Reads elements up to the end of the last one that is whole, and says how far that is. That what follows it is cut off
    /// is an error only where nothing more comes.
    fn elements(
        &mut self,
        xml: &[u8],
        is_last: bool,
        close: &mut impl FnMut(&[String], &str) -> Result<()>,
    ) -> Result<usize> {
        let mut reader = Reader::from_reader(xml);
        // What it has seen of them may lie in the piece before: names are compared here.
        let config = reader.config_mut();
        (config.check_end_names, config.allow_unmatched_ends) = (false, true);
        let (mut read, mut depth) = (0, self.open.depth);
        self.text.clear();
        let mark = if xml.starts_with(BYTE_ORDER_MARK.as_bytes()) { BYTE_ORDER_MARK } else { "" };
        if self.has_begun {
            self.text.push_str(mark);
        }
        let position = |reader: &Reader<&[u8]>| -> Result<usize> {
            Ok(mark.len() + usize::try_from(reader.buffer_position()).map_err(bad)?)
        };
        loop {
            let event = match reader.read_event() {
                Ok(event) => event,
                // What is wrong stays so whatever follows; what is only cut off may become right.
                Err(error) if is_last || is_wrong(&error) && position(&reader)? < xml.len() => return Err(bad(error)),
                Err(_) => break,
            };
            if matches!(event, Event::Eof) {
                break;
            }
            if self.take(event)? {
                close(self.open.names(), &self.text)?;
                self.text.clear();
                self.open.pop();
                (read, depth) = (position(&reader)?, self.open.depth);
            }
        }
        if is_last && self.open.depth > 0 {
            return Err(bad("it ends in the middle"));
        }
        // What began behind it is read again.
        self.open.depth = depth;
        self.has_begun |= read > 0;
        Ok(read)
    }

    /// Says whether an element comes to its end.
    fn take(&mut self, event: Event<'_>) -> Result<bool> {
        match event {
            Event::Start(start) => {
                self.text.clear();
                self.open.push(start.local_name().as_ref());
            }
            Event::Empty(empty) => {
                self.text.clear();
                self.open.push(empty.local_name().as_ref());
                return Ok(true);
            }
            Event::End(end) => return self.open.check(end.local_name().as_ref()).map(|()| true),
            Event::Text(part) => self.text.push_str(&part.decode().map_err(bad)?),
            Event::CData(part) => self.text.push_str(&part.decode().map_err(bad)?),
            Event::GeneralRef(reference) => self.resolve(&reference)?,
            _ => {}
        }
        Ok(false)
    }

    fn resolve(&mut self, reference: &BytesRef<'_>) -> Result<()> {
        if let Some(c) = reference.resolve_char_ref().map_err(bad)? {
            self.text.push(c);
            return Ok(());
        }
        let name = reference.decode().map_err(bad)?;
        let known = quick_xml::escape::resolve_xml_entity(&name);
        self.text.push_str(known.ok_or_else(|| bad(format!("unknown entity {name:?}")))?);
        Ok(())
    }
}

fn is_wrong(error: &quick_xml::Error) -> bool {
    matches!(error, quick_xml::Error::IllFormed(_))
}

/// The names of the elements that are open. Their memory is used again: a page of a listing has thousands of elements.
#[derive(Default)]
struct Open {
    names: Vec<String>,
    depth: usize,
}

impl Open {
    fn push(&mut self, name: &[u8]) {
        if self.depth == self.names.len() {
            self.names.push(String::new());
        }
        let slot = &mut self.names[self.depth];
        slot.clear();
        slot.push_str(&String::from_utf8_lossy(name));
        self.depth += 1;
    }

    /// Whether this one ends.
    fn check(&self, name: &[u8]) -> Result<()> {
        if self.names().last().is_some_and(|open| open.as_bytes() == name) {
            return Ok(());
        }
        Err(bad(format!("</{}> ends nothing", String::from_utf8_lossy(name))))
    }

    fn pop(&mut self) {
        self.depth -= 1;
    }

    fn names(&self) -> &[String] {
        &self.names[..self.depth]
    }
}
