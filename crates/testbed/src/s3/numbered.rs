//! Listings of more objects than memory holds.

use super::listing::{Line, Page, Question, common_prefix};
use super::object::StoredObject;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Objects that are all the same but for their keys.
#[derive(Debug)]
pub(crate) struct Numbered {
    count: u64,
    padding: String,
    object: Arc<StoredObject>,
    /// A bit for each number: whether its key was listed.
    listed: Mutex<Vec<u64>>,
}

impl Numbered {
    pub(crate) fn new(count: u64, padding: usize, object: Arc<StoredObject>) -> Self {
        Self { count, padding: "_".repeat(padding), object, listed: Mutex::default() }
    }

    /// How many different keys were listed since this was asked last.
    pub(crate) fn take_listed(&self) -> u64 {
        std::mem::take(&mut *self.listed()).into_iter().map(|bits| u64::from(bits.count_ones())).sum()
    }

    fn listed(&self) -> MutexGuard<'_, Vec<u64>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of object `n`. Keys are in the order of their numbers, a million in a folder.
    pub(crate) fn key(&self, n: u64) -> String {
        format!("warehouse/orders/{:05}/part-{:06}{}.parquet", n / 1_000_000, n % 1_000_000, self.padding)
    }

    /// The object at exactly this key.
    pub(crate) fn object(&self, key: &str) -> Option<Arc<StoredObject>> {
        let n = self.first(|found| found >= key);
        (n < self.count && self.key(n) == key).then(|| Arc::clone(&self.object))
    }

    pub(crate) fn page(&self, question: Question<'_>) -> Page {
        let after = question.after.unwrap_or_default();
        let mut next = self.first(|key| key > after && key >= question.prefix);
        let end = self.first(|key| key > question.prefix && !key.starts_with(question.prefix)).max(next);
        let (mut lines, mut listed) = (Vec::new(), self.listed());
        while next < end && lines.len() < question.limit {
            let (key, number) = (self.key(next), next);
            next += 1;
            match common_prefix(&key, question) {
                None => {
                    mark(&mut listed, number);
                    lines.push(Line::Object(key, Arc::clone(&self.object)));
                }
                Some(group) => {
                    next = self.first(|key| key > group && !key.starts_with(group));
                    // Where a page went on behind a group, the group has been listed.
                    if question.after != Some(group) {
                        lines.push(Line::CommonPrefix(group.to_owned()));
                    }
                }
            }
        }
        Page { lines, truncated: next < end }
    }

    /// The first number whose key is `wanted`, as all behind it are; the count where none is.
    fn first(&self, wanted: impl Fn(&str) -> bool) -> u64 {
        partition(self.count, |n| !wanted(&self.key(n)))
    }
}

/// Sets the bit of a number.
fn mark(bits: &mut Vec<u64>, number: u64) {
    let Ok(word) = usize::try_from(number / 64) else { return };
    if bits.len() <= word {
        bits.resize(word + 1, 0);
    }
    bits[word] |= 1 << (number % 64);
}

/// The first number below `count` for which `before` does not hold; it holds for all before that.
fn partition(count: u64, before: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_behind_a_key_and_ends_with_the_prefix() {
        let numbered = numbered();
        let after = numbered.key(999_998);
        let question = Question { prefix: "warehouse/orders/0000", delimiter: "", after: Some(&after), limit: 3 };
        let page = numbered.page(question);
        assert_eq!((page.lines.len(), page.last(), page.truncated), (3, Some(&*numbered.key(1_000_001)), true));
        let last = numbered.page(Question { prefix: "warehouse/orders/00002/", limit: 600_000, ..question });
        assert_eq!((last.lines.len(), last.truncated), (500_000, false));
        assert!(numbered.page(Question { prefix: "x", ..question }).lines.is_empty());
    }

    #[test]
    fn folders_are_listed_once_each() {
        let numbered = numbered();
        let all = Question { prefix: "warehouse/orders/", delimiter: "/", after: None, limit: 2 };
        let first = numbered.page(all);
        assert_eq!((first.last(), first.truncated), (Some("warehouse/orders/00001/"), true));
        let second = numbered.page(Question { after: first.last(), ..all });
        assert_eq!((second.lines.len(), second.last(), second.truncated), (1, Some("warehouse/orders/00002/"), false));
    }

    #[test]
    fn keys_are_counted_once_however_often_they_are_listed() {
        let numbered = numbered();
        let question = Question { prefix: "", delimiter: "", after: None, limit: 1000 };
        let behind = numbered.key(899);
        numbered.page(question);
        numbered.page(Question { after: Some(&behind), ..question });
        assert_eq!((numbered.take_listed(), numbered.take_listed()), (1900, 0));
        numbered.page(Question { delimiter: "/", prefix: "warehouse/orders/", ..question });
        assert_eq!(numbered.take_listed(), 0, "folders are no keys");
    }

    #[test]
    fn an_object_is_found_by_its_key() {
        assert_eq!(numbered().object(&numbered().key(7)).map(|object| object.size()), Some(0));
        assert!(["", "warehouse/orders/00000/part", "x"].iter().all(|key| numbered().object(key).is_none()));
    }

    fn numbered() -> Numbered {
        Numbered::new(2_500_000, 0, Arc::new(StoredObject::new("")))
    }
}
