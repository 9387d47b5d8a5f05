//! How fast bytes are checked against an ETag.

use divan::{Bencher, black_box, counter::BytesCount};
use transship_types::ETag;
use transship_verify::{ETagHasher, Hasher};

fn main() {
    divan::main();
}

const SIZE: usize = 16 << 20;
/// As pieces of a body come.
const PIECE: usize = 128 << 10;

fn checked(bencher: Bencher<'_, '_>, etag: &str) {
    let (etag, bytes) = (ETag::new(etag), vec![7_u8; SIZE]);
    bencher.counter(BytesCount::new(SIZE)).bench(|| {
        let mut hasher = ETagHasher::new(Some(&etag), SIZE as u64);
        black_box(&bytes).chunks(PIECE).for_each(|piece| hasher.update(piece));
        hasher.finish()
    });
}

#[divan::bench]
fn etag_of_one_part(bencher: Bencher<'_, '_>) {
    checked(bencher, "900150983cd24fb0d6963f7d28e17f72");
}

/// Two part sizes are likely: three digests at once.
#[divan::bench]
fn etag_of_two_parts(bencher: Bencher<'_, '_>) {
    checked(bencher, "900150983cd24fb0d6963f7d28e17f72-2");
}

fn digested(bencher: Bencher<'_, '_>, hasher: impl Fn() -> Hasher + Sync) {
    let bytes = vec![7_u8; SIZE];
    bencher.counter(BytesCount::new(SIZE)).bench(|| {
        let mut hasher = hasher();
        black_box(&bytes).chunks(PIECE).for_each(|piece| hasher.update(piece));
        hasher.finish()
    });
}

#[divan::bench]
fn crc64nvme(bencher: Bencher<'_, '_>) {
    digested(bencher, Hasher::crc64nvme);
}

#[divan::bench]
fn crc32c(bencher: Bencher<'_, '_>) {
    digested(bencher, Hasher::crc32c);
}
