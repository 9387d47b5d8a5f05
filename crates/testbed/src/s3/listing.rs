//! One page of keys: prefix, delimiter, where to go on.

use super::object::StoredObject;
use super::store::Objects;
use std::ops::Bound;
use std::sync::Arc;

/// What a page is to hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) prefix: &'a str,
    /// Empty means none.
    pub(crate) delimiter: &'a str,
    /// Only keys after this one; a common prefix that equals it has been listed already.
    pub(crate) after: Option<&'a str>,
    pub(crate) limit: usize,
}

/// A key, or a group of keys up to the delimiter.
#[derive(Debug, Clone)]
pub(crate) enum Line {
    Object(String, Arc<StoredObject>),
    CommonPrefix(String),
}

impl Line {
    fn name(&self) -> &str {
        match self {
            Self::Object(name, _) | Self::CommonPrefix(name) => name,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) lines: Vec<Line>,
    pub(crate) truncated: bool,
}

impl Page {
    /// Where the next page goes on.
    pub(crate) fn last(&self) -> Option<&str> {
        self.lines.last().map(Line::name)
    }
}

/// Lists in the order of the keys' bytes.
pub(crate) fn page(objects: &Objects, question: Question<'_>) -> Page {
    let mut page = Page::default();
    if question.limit == 0 {
        return page;
    }
    let mut from = match question.after.filter(|after| *after >= question.prefix) {
        Some(after) => Bound::Excluded(after.to_owned()),
        None => Bound::Included(question.prefix.to_owned()),
    };
    // A bounded seek for each common prefix: a bucket of a million keys in one folder must not be walked key by key.
    while let Some((key, object)) = objects.range((from, Bound::Unbounded)).next() {
        if !key.starts_with(question.prefix) {
            break;
        }
        let group = common_prefix(key, question);
        let line = match group {
            Some(group) => {
                from = Bound::Excluded(key.clone().max(format!("{group}{}", char::MAX)));
                if question.after == Some(group) || page.last() == Some(group) {
                    continue;
                }
                Line::CommonPrefix(group.to_owned())
            }
            None => {
                from = Bound::Excluded(key.clone());
                Line::Object(key.clone(), object.clone())
            }
        };
        if page.lines.len() == question.limit {
            page.truncated = true;
            break;
        }
        page.lines.push(line);
    }
    page
}

/// The key up to and with the first delimiter behind the prefix.
pub(crate) fn common_prefix<'a>(key: &'a str, question: Question<'_>) -> Option<&'a str> {
    if question.delimiter.is_empty() {
        return None;
    }
    let rest = &key[question.prefix.len()..];
    let end = rest.find(question.delimiter)? + question.delimiter.len();
    Some(&key[..question.prefix.len() + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(keys: &[&str]) -> Objects {
        keys.iter().map(|key| ((*key).to_owned(), Arc::new(StoredObject::new("")))).collect()
    }

    fn names(page: &Page) -> Vec<&str> {
        page.lines.iter().map(Line::name).collect()
    }

    const ALL: Question<'static> = Question { prefix: "", delimiter: "", after: None, limit: 1000 };

    #[test]
    fn keys_come_in_the_order_of_their_bytes() {
        let objects = objects(&["é", "e\u{301}", "a//b", "a/", "/a", "Z", "a", "\u{1}", "."]);
        assert_eq!(names(&page(&objects, ALL)), ["\u{1}", ".", "/a", "Z", "a", "a/", "a//b", "e\u{301}", "é"]);
    }

    #[test]
    fn pages_put_together_are_the_whole() {
        let objects = objects(&["a", "b/1", "b/2", "b/\u{10FFFF}x", "b0", "c/x/y", "d"]);
        for delimiter in ["", "/"] {
            let whole = page(&objects, Question { delimiter, ..ALL });
            for limit in 1..8 {
                let mut together = Vec::new();
                let mut after: Option<String> = None;
                loop {
                    let part = page(&objects, Question { delimiter, after: after.as_deref(), limit, ..ALL });
                    together.extend(names(&part).into_iter().map(str::to_owned));
                    assert!(part.lines.len() <= limit);
                    after = part.last().map(str::to_owned);
                    if !part.truncated {
                        break;
                    }
                }
                assert_eq!(together, names(&whole), "delimiter {delimiter:?}, {limit} on a page");
            }
        }
    }

    #[test]
    fn delimiter_groups_only_behind_the_prefix() {
        let objects = objects(&["a/b/c", "a/b/d", "a/e", "ab"]);
        let question = Question { prefix: "a/", delimiter: "/", ..ALL };
        assert_eq!(names(&page(&objects, question)), ["a/b/", "a/e"]);
    }

    #[test]
    fn a_full_last_page_is_not_truncated() {
        let objects = objects(&["a", "b"]);
        assert!(!page(&objects, Question { limit: 2, ..ALL }).truncated);
        assert!(page(&objects, Question { limit: 1, ..ALL }).truncated);
    }
}
