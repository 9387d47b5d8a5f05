//! Whether small objects wait behind large ones.

use std::collections::HashMap;

use super::{end::Seen, stock::Stock};

/// Up to so many bytes an object counts as a small one.
const SMALL: u64 = 64 << 10;

/// How long the slowest of a hundred small objects takes between its first request and the answer to its last.
pub(crate) fn small_objects(stock: Stock, seen: &[Seen]) -> Option<f64> {
    let small = (0..stock.count()).filter(|n| stock.size(*n) <= SMALL).map(|n| (stock.key(n), (f64::MAX, 0.0_f64)));
    let mut times: HashMap<String, (f64, f64)> = small.collect();
    for request in seen {
        // Below the prefix, whose name differs from run to run.
        let Some((_, key)) = request.key.split_once('/') else { continue };
        let Some((first, last)) = times.get_mut(key) else { continue };
        match &*request.operation {
            "GetObject" => *first = first.min(request.arrived),
            "PutObject" => *last = last.max(request.answered),
            _ => {}
        }
    }
    let mut all: Vec<_> = times.into_values().map(|(first, last)| last - first).filter(|time| *time > 0.0).collect();
    all.sort_by(f64::total_cmp);
    all.get((all.len() * 99 / 100).min(all.len().checked_sub(1)?)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_time_from_the_first_read_to_the_answer_of_the_write() {
        let stock = Stock::Alike { count: 2, size: SMALL };
        let seen = |operation: &str, n, arrived, answered| {
            let (operation, key) = (operation.to_owned(), format!("in/{}", stock.key(n)));
            Seen { operation, key, arrived, answered }
        };
        let requests = [
            seen("GetObject", 0, 10.0, 10.1),
            seen("PutObject", 0, 10.2, 10.5),
            seen("GetObject", 1, 10.0, 10.1),
            seen("PutObject", 1, 10.2, 10.25),
        ];
        assert_eq!(small_objects(stock, &requests), Some(0.5));
        let large = Stock::Alike { count: 2, size: SMALL + 1 };
        assert_eq!(small_objects(large, &requests), None);
    }
}
