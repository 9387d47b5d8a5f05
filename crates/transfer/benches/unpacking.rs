//! How fast an archive is unpacked on the way.
#![allow(clippy::expect_used)] // it may end where it cannot be set up

use std::io::Write;

use bytes::Bytes;
use divan::{Bencher, counter::BytesCount};
use flate2::{Compression, write::GzEncoder};
use futures::{StreamExt, TryStreamExt, stream};
use transship_transfer::bench::gunzip;

fn main() {
    divan::main();
}

/// Unpacked.
const SIZE: usize = 8 << 20;
/// As pieces of a body come from a socket.
const PIECE: usize = 64 << 10;

/// Lines that repeat themselves as those of tables do.
fn table() -> Vec<u8> {
    let mut table = Vec::with_capacity(SIZE + 128);
    let mut state = 1_u64;
    while table.len() < SIZE {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (station, value) = (state >> 60, state >> 40);
        writeln!(table, "2024-05-06T07:08:09Z,station-{station:03},{value},degrees,ok").expect("memory takes it");
    }
    table.truncate(SIZE);
    table
}

/// Nothing that could be made shorter.
fn noise() -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..SIZE / 8).flat_map(|_| next()).collect()
}

fn unpacked(bencher: Bencher<'_, '_>, content: &[u8]) {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(content).expect("memory takes it");
    let packed = Bytes::from(packed.finish().expect("memory takes it"));
    let pieces: Vec<Bytes> =
        (0..packed.len()).step_by(PIECE).map(|at| packed.slice(at..packed.len().min(at + PIECE))).collect();
    bencher.counter(BytesCount::new(SIZE)).bench(|| {
        let body = stream::iter(pieces.clone().into_iter().map(Ok)).boxed();
        let length = gunzip(body).try_fold(0, |sum, bytes| async move { Ok(sum + bytes.len()) });
        assert_eq!(futures::executor::block_on(length).expect("the archive is intact"), SIZE);
    });
}

#[divan::bench]
fn gunzip_a_table(bencher: Bencher<'_, '_>) {
    unpacked(bencher, &table());
}

#[divan::bench]
fn gunzip_noise(bencher: Bencher<'_, '_>) {
    unpacked(bencher, &noise());
}
