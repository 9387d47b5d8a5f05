//! Whether small objects wait behind large ones.

use std::collections::HashMap;

use serde::Serialize;

use super::{end::Seen, stock::Stock};

/// Up to so many bytes an object counts as a small one.
const SMALL: u64 = 64 << 10;

/// What became of small objects among large ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct SmallObjects {
    /// Seconds between the GET and the answer to the PUT: the 99th percentile.
    pub(crate) takes: f64,
    /// The most seconds in which none was finished, from the first one to the last.
    pub(crate) pause: f64,
}

/// `None` where there are none, or where one was not copied.
pub(crate) fn small_objects(stock: Stock, seen: &[Seen]) -> Option<SmallObjects> {
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
    if times.is_empty() || times.values().any(|(first, last)| first > last) {
        return None;
    }
    let sorted = |times: &mut dyn Iterator<Item = f64>| {
        let mut times: Vec<_> = times.collect();
        times.sort_by(f64::total_cmp);
        times
    };
    let all = sorted(&mut times.values().map(|(first, last)| last - first));
    let ends = sorted(&mut times.values().map(|(_, last)| *last));
    let pause = ends.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    Some(SmallObjects { takes: all[all.len() * 99 / 100], pause })
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
        let small = small_objects(stock, &requests).unwrap();
        assert_eq!((small.takes, small.pause), (0.5, 0.25));
        assert_eq!(small_objects(stock, &requests[..3]), None, "one did not arrive");
        let large = Stock::Alike { count: 2, size: SMALL + 1 };
        assert_eq!(small_objects(large, &requests), None);
    }
}
