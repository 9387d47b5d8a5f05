//! What a signature costs.

use divan::{Bencher, counter::ItemsCount};
use http::{HeaderMap, HeaderValue};
use transship_store::bench::Signer;

fn main() {
    divan::main();
}

fn headers(more: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [("host", "examplebucket.s3.amazonaws.com"), ("user-agent", "benchmark")].iter().chain(more) {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    headers
}

fn signed(bencher: Bencher<'_, '_>, method: &str, query: &[(&str, &str)], more: &[(&'static str, &'static str)]) {
    let signer = Signer::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let path = "/examplebucket/tenant-17/dataset-4/year%3D2024/part-00000042.parquet";
    bencher.counter(ItemsCount::new(1u8)).with_inputs(|| headers(more)).bench_local_refs(|headers| {
        signer.sign(method, divan::black_box(path), &query, headers);
    });
}

#[divan::bench]
fn get(bencher: Bencher<'_, '_>) {
    signed(bencher, "GET", &[], &[]);
}

#[divan::bench]
fn put_with_metadata(bencher: Bencher<'_, '_>) {
    let more = [
        ("content-type", "application/octet-stream"),
        ("x-amz-meta-mtime", "1714979289.123456789"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ];
    signed(bencher, "PUT", &[], &more);
}

#[divan::bench]
fn list(bencher: Bencher<'_, '_>) {
    let query =
        [("list-type", "2"), ("encoding-type", "url"), ("prefix", "tenant-17%2F"), ("start-after", "tenant-17%2Fa")];
    signed(bencher, "GET", &query, &[]);
}
