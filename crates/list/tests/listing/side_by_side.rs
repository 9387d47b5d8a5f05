//! Two sides split at the same keys, whatever they hold, whoever is slow and whatever is cut while it is being listed.

use std::{collections::BTreeSet, sync::Arc};

use futures::{Stream, StreamExt};
use proptest::{prelude::*, sample::Index};
use transship_list::{Jump, KeyRange, ListOptions, Piece, Result, Side, Skip, pieces};
use transship_types::{Entry, Key};

use crate::slow_bucket::{Pace, SlowBucket};

type Keys = BTreeSet<String>;

const PREFIXES: [&str; 2] = ["in/", ""];

/// How a side is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Listed,
    SortedBefore,
    KnownEmpty,
}

#[derive(Clone, Debug)]
struct Case {
    keys: [Keys; 2],
    kinds: [Kind; 2],
    page: usize,
    listers: usize,
    range: KeyRange,
    /// Keys below this are not wanted.
    skipped: Option<String>,
    seed: u64,
}

/// What a piece brought: where it began, and the keys of each side.
type Brought = (Option<Key>, [Vec<String>; 2]);

impl Case {
    async fn side(&self, at: usize) -> (Arc<SlowBucket>, Side) {
        let held = if self.kinds[at] == Kind::KnownEmpty { Keys::new() } else { self.keys[at].clone() };
        let held = held.into_iter().map(|key| format!("{}{key}", PREFIXES[at]));
        let bucket = Arc::new(SlowBucket::new(held, self.page, self.seed ^ at as u64));
        let side = Side::new(bucket.clone(), PREFIXES[at]);
        let side = match self.kinds[at] {
            Kind::Listed => side,
            Kind::KnownEmpty => side.known_empty(),
            Kind::SortedBefore => side.sorted(&ListOptions::default(), &std::env::temp_dir()).await.unwrap(),
        };
        (bucket, side)
    }

    /// Everything, as whoever compares takes it: a piece's sides at once, each at its own pace.
    async fn brought(&self) -> Vec<Brought> {
        let skip = self.skipped.clone().map_or_else(Skip::nothing, |prefix| {
            let behind = format!("{prefix}\u{10FFFF}");
            Skip::new(move |listed| match listed < behind.as_str() && listed >= prefix.as_str() {
                true => Jump::Behind(behind.clone()),
                false => Jump::Next,
            })
        });
        let options = ListOptions { listers: self.listers, skip, ..ListOptions::default() };
        let (sides, pace) = ([self.side(0).await.1, self.side(1).await.1], Pace::new(!self.seed));
        let walk = async |piece: Piece<2>| -> Brought {
            pace.wait().await;
            let (after, [source, destination]) = (piece.after(), piece.listings());
            let (source, destination) =
                tokio::join!(keys(source, PREFIXES[0], &pace), keys(destination, PREFIXES[1], &pace));
            (after, [source, destination])
        };
        pieces(sides, self.range.clone(), options).map(walk).buffer_unordered(self.listers).collect().await
    }

    /// What one side is to bring between two keys.
    fn expected(&self, at: usize, range: &KeyRange) -> Vec<String> {
        let held = self.keys[at].iter().filter(|_| self.kinds[at] != Kind::KnownEmpty);
        held.filter(|key| range.contains(key) && !self.is_skipped(key)).cloned().collect()
    }

    fn is_skipped(&self, key: &str) -> bool {
        self.skipped.as_ref().is_some_and(|prefix| key.starts_with(prefix))
    }
}

async fn keys(listing: impl Stream<Item = Result<Vec<Entry>>>, prefix: &str, pace: &Pace) -> Vec<String> {
    let mut listing = std::pin::pin!(listing);
    let mut keys = Vec::new();
    while let Some(page) = listing.next().await {
        keys.extend(page.unwrap().into_iter().map(|entry| entry.key.as_str().strip_prefix(prefix).unwrap().to_owned()));
        pace.wait().await;
    }
    keys
}

/// Key spaces of every kind, all with prefixes in common.
fn space() -> impl Strategy<Value = Vec<String>> {
    let numbers = |most: u32| prop::collection::vec(0..most, 1..300);
    prop_oneof![
        numbers(100_000).prop_map(|all| all.into_iter().map(|n| format!("obj-{n:05}")).collect()),
        numbers(400).prop_map(|all| all.into_iter().map(|n| format!("{}{n}", "folder/".repeat(20))).collect()),
        prop::collection::vec("[ab]{1,2}(/[ab01]{1,2}){0,4}/?", 1..300),
        prop::collection::vec("[a0/é日\u{1}\u{10FFFF}]{1,5}", 1..300),
        prop::collection::vec("[0-9a-f]{8}", 1..300),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![6 => Just(Kind::Listed), 1 => Just(Kind::SortedBefore), 1 => Just(Kind::KnownEmpty)]
}

fn case() -> impl Strategy<Value = Case> {
    // Of each key: who has it.
    let held = (space(), prop::collection::vec(0_u8..4, 300), prop::array::uniform2(0_u8..8));
    let keys = held.prop_map(|(space, masks, empty)| {
        let of = |side: u8| -> Keys {
            let has = |mask: u8| mask == 3 || mask == side;
            let keys = space.iter().zip(masks.iter().cycle()).filter(|(_, mask)| has(**mask));
            keys.filter(|_| empty[usize::from(side)] > 0).map(|(key, _)| key.clone()).collect()
        };
        ([of(0), of(1)], space)
    });
    let limits = prop::array::uniform3(prop::option::weighted(0.3, any::<Index>()));
    (keys, [kind(), kind()], limits, 1_usize..8, 1_usize..20, any::<u64>()).prop_map(
        |((keys, space), kinds, [after, until, skipped], page, listers, seed)| {
            let at = |index: Option<Index>| index.map(|index| index.get(&space).clone());
            let range = KeyRange { after: at(after).map(Key::from), until: at(until).map(Key::from) };
            let skipped = at(skipped).map(|key| key.chars().take(key.chars().count() / 2 + 1).collect());
            Case { keys, kinds, page, listers, range, skipped, seed }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn pieces_are_aligned_and_hold_every_key_of_either_side_once(case in case()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let mut brought = runtime.block_on(case.brought());
        brought.sort_by(|(one, _), (other, _)| one.cmp(other));
        prop_assert_eq!(&brought[0].0, &case.range.after, "the first begins where the range begins");
        for (at, (after, sides)) in brought.iter().enumerate() {
            let until = brought.get(at + 1).map_or(case.range.until.clone(), |(after, _)| after.clone());
            prop_assert!(at == 0 || *after > brought[at - 1].0, "two pieces begin behind {:?}", after);
            prop_assert!(at == 0 || case.range.until.is_none() || *after < case.range.until, "{after:?} is outside");
            let range = KeyRange { after: after.clone(), until };
            for (side, keys) in sides.iter().enumerate() {
                prop_assert!(keys.is_sorted(), "piece {at}, side {side}");
                let wanted: Vec<_> = keys.iter().filter(|key| !case.is_skipped(key)).cloned().collect();
                prop_assert_eq!(wanted, case.expected(side, &range), "piece {}, side {}", at, side);
                prop_assert!(keys.iter().all(|key| range.contains(key)), "piece {at}, side {side}");
            }
        }
    }
}

fn numbers(count: usize) -> Keys {
    (0..count).map(|n| format!("obj-{n:07}")).collect()
}

#[tokio::test(start_paused = true)]
async fn ranges_are_cut_while_they_are_listed() {
    let case = Case {
        keys: [numbers(3_000), numbers(2_000)],
        kinds: [Kind::Listed; 2],
        page: 10,
        listers: 8,
        range: KeyRange::ALL,
        skipped: None,
        seed: 1,
    };
    let brought = case.brought().await;
    let busy = brought.iter().filter(|(_, [source, destination])| !source.is_empty() && !destination.is_empty());
    assert!(busy.count() >= 5, "{} pieces", brought.len());
}

#[tokio::test(start_paused = true)]
async fn one_page_on_each_side_is_one_request_to_each() {
    let case = |count| Case {
        keys: [numbers(count), numbers(count / 2)],
        kinds: [Kind::Listed; 2],
        page: 1000,
        listers: 16,
        range: KeyRange::ALL,
        skipped: None,
        seed: 1,
    };
    for count in [0, 1, 999, 1000] {
        let case = case(count);
        let (ends, options) = ([case.side(0).await, case.side(1).await], ListOptions::default());
        let sides = ends.clone().map(|(_, side)| side);
        let all = pieces(sides, KeyRange::ALL, options).map(async |piece: Piece<2>| {
            let (pace, [source, destination]) = (Pace::new(1), piece.listings());
            tokio::join!(keys(source, PREFIXES[0], &pace), keys(destination, PREFIXES[1], &pace))
        });
        let listed: Vec<_> = all.buffer_unordered(16).collect().await;
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].0.len(), listed[0].1.len()), (count, count / 2));
        assert_eq!(ends.map(|(bucket, _)| bucket.requests()), [1, 1], "{count} keys");
    }
}
