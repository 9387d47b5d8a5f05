//! The behaviour that users of Solgate rely on, vector by vector.

#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

use time::macros::datetime;
use transship_keys::{Defaults, FormatError, Formatter, KeyMap, Template, TemplateError, TemplateProblem};

fn defaults() -> Defaults {
    Defaults::at(datetime!(2020-01-01 00:00 UTC))
}

fn formatter(source: &str, destination: &str) -> Result<Formatter, TemplateError> {
    Formatter::new(&Template::parse(source)?, &Template::parse(destination)?)
}

fn format(key: &str, source: &str, destination: &str) -> Result<String, FormatError> {
    formatter(source, destination).unwrap().format(key, &defaults())
}

#[test]
fn groups_are_rendered_in_the_destination_order() {
    let swapped = format("first/second/file.csv.gz", "{a}/{b}/{rest}", "{b}/{a}/{rest}");
    assert_eq!(swapped.unwrap(), "second/first/file.csv.gz");
}

#[test]
fn defaults_fill_what_is_not_captured() {
    let dated = format("file.csv.gz", "{rest}.{ext}", "{rest}-{date}.{ext}");
    assert_eq!(dated.unwrap(), "file-2020-01-01.csv.gz");
    let all = "{datetime} {date} {year} {month} {day} {hour} {minute} {second} {weekday}";
    assert_eq!(format("x", "{a}", all).unwrap(), "2020-01-01T00:00:00 2020-01-01 2020 1 1 0 0 0 2");
}

#[test]
fn captured_values_win_over_defaults() {
    assert_eq!(format("1999-12-31/x", "{date}/{name}", "{name}-{date}").unwrap(), "x-1999-12-31");
}

#[test]
fn groups_are_lazy_and_span_slashes() {
    let formatter = formatter("{date}/{collection}.{ext}", "{collection}").unwrap();
    let texts = |key: &str| {
        let captures = formatter.capture(key).unwrap();
        captures.iter().map(|(_, text)| text.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts("2020-01-01/coll.csv.gz"), ["2020-01-01", "coll", "csv.gz"]);
    assert_eq!(texts("d/sub/coll.csv"), ["d", "sub/coll", "csv"]);
    let dotted = self::formatter("{x}.{y}", "{x}").unwrap();
    let captures = dotted.capture("a.b.c").unwrap();
    assert_eq!((captures.get("x"), captures.get("y"), captures.get("z")), (Some("a"), Some("b.c"), None));
}

#[test]
fn a_key_that_does_not_match_is_named_with_the_template() {
    let error = format("no-slash", "{a}/{b}", "{a}").unwrap_err();
    assert_eq!(error.to_string(), "key \"no-slash\" does not match the source formatter \"{a}/{b}\"");
}

#[test]
fn a_key_whose_new_name_is_empty_is_refused() {
    assert_eq!(format("/b", "{a}/{b}", "{a}").unwrap_err(), FormatError::Empty { key: "/b".into() });
}

#[test]
fn an_unknown_placeholder_is_found_when_the_templates_are_paired() {
    let error = formatter("{date}/{collection}.{ext}", "x/{colection}.{ext}").unwrap_err();
    assert_eq!(error.column, 3);
    assert!(matches!(&error.problem, TemplateProblem::Unknown { name, nearest: Some(nearest), .. }
        if name == "colection" && nearest == "collection"));
    assert_eq!(
        error.to_string(),
        "formatter \"x/{colection}.{ext}\", column 3: unknown placeholder {colection} (did you mean {collection}?): \
         the source captures date, collection, ext; always known are datetime, date, year, month, day, hour, minute, \
         second, weekday"
    );
    let error = formatter("fixed", "{something_else}").unwrap_err().to_string();
    assert!(error.contains("unknown placeholder {something_else}: the source captures nothing;"), "{error}");
}

#[test]
fn dropped_groups_make_the_newest_win() {
    let latest = formatter("{date}/{collection}.{ext}", "{collection}/latest/full_data.csv").unwrap();
    assert_eq!(latest.dropped(), ["date", "ext"]);
    assert!(KeyMap::new(Some(latest), true, defaults()).newest_wins());
    let historic = formatter("{date}/{c}.{date}", "{c}/{date}/{year}").unwrap();
    assert_eq!(historic.dropped(), [] as [&str; 0]);
    assert!(!KeyMap::new(Some(historic), true, defaults()).newest_wins());
    assert!(!KeyMap::identity(defaults()).newest_wins());
}

fn map(formatters: Option<(&str, &str)>, unpack: bool, key: &str) -> (String, bool) {
    let formatter = formatters.map(|(source, destination)| formatter(source, destination).unwrap());
    let mapped = KeyMap::new(formatter, unpack, defaults()).map(key).unwrap();
    (mapped.key, mapped.unpack)
}

#[test]
fn unpack_drops_gz_with_and_without_formatters() {
    let historic = Some(("{date}/{collection}.{ext}", "{collection}/historic/{date}-{collection}.{ext}"));
    let key = "2020-01-01/collection_name.csv.gz";
    let name = "collection_name/historic/2020-01-01-collection_name.csv";
    assert_eq!(map(historic, true, key), (name.to_owned(), true));
    assert_eq!(map(historic, false, key), (format!("{name}.gz"), false));
    assert_eq!(map(None, true, key), ("2020-01-01/collection_name.csv".to_owned(), true));
    assert_eq!(map(None, false, key), (key.to_owned(), false));
    let latest = Some(("{date}/{collection}.{ext}", "{collection}/latest/full_data.csv"));
    assert_eq!(map(latest, true, key), ("collection_name/latest/full_data.csv".to_owned(), true));
}

#[test]
fn only_exactly_gz_is_unpacked() {
    for plain in ["a.csv", "a.GZ", "a.tgz", "a.gz.bak", "gz", "a.gz/", ""] {
        assert_eq!(map(None, true, plain), (plain.to_owned(), false));
    }
    let adds = Some(("{name}", "{name}.gz"));
    assert_eq!(map(adds, true, "plain.csv"), ("plain.csv.gz".to_owned(), false));
    assert_eq!(map(adds, true, "packed.gz"), ("packed.gz".to_owned(), true), "one suffix is dropped, once");
}

#[test]
fn a_key_that_is_only_gz_is_refused() {
    let error = KeyMap::new(None, true, defaults()).map(".gz").unwrap_err();
    assert_eq!(error.to_string(), "key \".gz\" becomes an empty key");
}

#[test]
fn odd_keys_stay_as_they_are() {
    for key in ["a//b", "/a", "a/", ".", "..", "a/../b", "a\nb", "e\u{301}", "\u{e9}", "%2F", "a+b?#", "{x}"] {
        assert_eq!(map(None, false, key), (key.to_owned(), false));
        assert_eq!(map(Some(("{all}", "{all}")), false, key).0, key);
    }
}
