//! A run that broke off goes on behind the last key that it has dealt with.

use futures::{StreamExt, TryStreamExt};
use transship_list::{KeyRange, entries};
use transship_testbed::s3::Fault;

use crate::shelf::Shelf;

fn keys() -> Vec<String> {
    let mut keys: Vec<String> = (0..400).map(|n| format!("in/{:03}/{}", n / 7, n % 7)).collect();
    keys.extend((0..200).map(|n| format!("in/é{n}")));
    keys.extend(["in/".to_owned(), "in//".to_owned()]);
    keys.sort_unstable();
    keys
}

/// What comes until the listing fails, and the key it came to.
async fn until_it_breaks(shelf: &Shelf) -> Vec<String> {
    let mut listed = std::pin::pin!(entries(shelf.side("in/"), KeyRange::ALL, shelf.options.clone()));
    let mut keys = Vec::new();
    loop {
        match listed.next().await.expect("the fault comes first") {
            Ok(entry) => keys.push(entry.key.as_str().to_owned()),
            Err(_) => return keys,
        }
    }
}

#[tokio::test]
async fn a_run_that_broke_off_goes_on_behind_the_last_key_and_loses_and_repeats_none() {
    let shelf = Shelf::with(20, keys()).await;
    for pages in [1, 2, 3, 5, 8, 13, 21, 25] {
        shelf.spoil(Fault::answer(403, "AccessDenied").after(pages));
        let mut listed = until_it_breaks(&shelf).await;
        shelf.server.faults().clear();
        assert!(listed.len() < keys().len(), "it broke off in the middle");
        let side = shelf.side("in/");
        let last = listed.last().map(|key| side.relative(&key.as_str().into()).to_owned());
        let rest = last.map_or(KeyRange::ALL, KeyRange::after);
        listed.extend(shelf.in_order("in/", rest).await.unwrap());
        assert_eq!(listed, keys(), "after {pages} pages");
    }
}

#[tokio::test]
async fn a_listing_may_be_taken_up_behind_any_key_even_one_that_is_gone() {
    let shelf = Shelf::with(20, keys()).await;
    for taken in (1..keys().len()).step_by(97) {
        let first = entries(shelf.side("in/"), KeyRange::ALL, shelf.options.clone()).take(taken);
        let first: Vec<_> = first.map_ok(|entry| entry.key.as_str().to_owned()).try_collect().await.unwrap();
        let (last, side) = (&first[taken - 1], shelf.side("in/"));
        shelf.server.store().remove_object(crate::shelf::BUCKET, last);
        let rest = KeyRange::after(side.relative(&last.as_str().into()));
        let rest = shelf.in_order("in/", rest).await.unwrap();
        shelf.put([last]);
        assert_eq!([first, rest].concat(), keys());
    }
}
