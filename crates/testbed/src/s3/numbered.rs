//! Listings of more objects than memory holds.

use super::listing::{Line, Page, Question};
use super::object::StoredObject;
use std::sync::Arc;

/// Objects that are all the same but for their keys.
#[derive(Debug, Clone)]
pub struct Numbered {
    pub(crate) count: u64,
    pub(crate) object: Arc<StoredObject>,
}

impl Numbered {
    /// The key of object `n`. Keys are in the order of their numbers.
    pub fn key(n: u64) -> String {
        format!("warehouse/orders/{:05}/part-{:05}.parquet", n / 100_000, n % 100_000)
    }

    /// Delimiters are not known here.
    pub(crate) fn page(&self, question: Question<'_>) -> Page {
        let first = |wanted: &dyn Fn(&str) -> bool| partition(self.count, |n| !wanted(&Self::key(n)));
        let after = question.after.unwrap_or_default();
        let start = first(&|key| key > after && key >= question.prefix);
        let end = first(&|key| key > question.prefix && !key.starts_with(question.prefix)).max(start);
        let stop = end.min(start + question.limit as u64);
        let line = |n| Line::Object(Self::key(n), Arc::clone(&self.object));
        Page { lines: (start..stop).map(line).collect(), truncated: stop < end }
    }
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
        let numbered = Numbered { count: 250_000, object: Arc::new(StoredObject::new("")) };
        let after = Numbered::key(99_998);
        let question = Question { prefix: "warehouse/orders/0000", delimiter: "", after: Some(&after), limit: 3 };
        let page = numbered.page(question);
        assert_eq!((page.lines.len(), page.last(), page.truncated), (3, Some(&*Numbered::key(100_001)), true));
        let last = numbered.page(Question { prefix: "warehouse/orders/00002/", limit: 60_000, ..question });
        assert_eq!((last.lines.len(), last.truncated), (50_000, false));
        assert!(numbered.page(Question { prefix: "x", ..question }).lines.is_empty());
    }
}
