//! What a page of a listing costs once its bytes are here.
#![allow(clippy::expect_used)] // it may end where it cannot be set up

use std::fmt::Write as _;

use divan::{
    Bencher, black_box,
    counter::{BytesCount, ItemsCount},
};
use transship_store::bench::list_page;

fn main() {
    divan::main();
}

/// A full page.
const KEYS: usize = 1_000;

/// As S3 writes it. Keys are percent-encoded: plain ones stay as they are, others have to be decoded.
fn page(key: &str) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>bucket</Name><Prefix></Prefix><NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=\
         </NextContinuationToken><KeyCount>1000</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>\
         <IsTruncated>true</IsTruncated>",
    );
    for n in 0..KEYS {
        write!(
            xml,
            "<Contents><Key>{key}{n:08}.parquet</Key><LastModified>2024-05-06T07:08:09.000Z</LastModified>\
             <ETag>&quot;{n:032x}&quot;</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
            n * 4_099
        )
        .expect("a string takes everything");
    }
    xml.push_str("</ListBucketResult>");
    xml
}

#[divan::bench(args = ["year=2024/month=05/part-", "year%3D2024/month%3D05/d%C3%A9tail+"])]
fn list_objects(bencher: Bencher<'_, '_>, key: &str) {
    let xml = page(key);
    bencher
        .counter(ItemsCount::new(KEYS))
        .counter(BytesCount::of_str(&xml))
        .bench(|| list_page(black_box(xml.as_bytes())).expect("the page is well formed"));
}
