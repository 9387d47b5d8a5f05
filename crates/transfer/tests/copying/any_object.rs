//! Whatever the size, the parts and the options: what arrives is what was there.

use proptest::prelude::*;
use transship_testbed::s3::StoredObject;
use transship_transfer::{Job, Target};
use transship_types::Strength;

use crate::{
    stage::{MIB, Stage, content, directory, in_parts, opened, verified},
    unpacking::gzip,
};

/// Sizes at and around every border.
fn sizes() -> impl Strategy<Value = usize> {
    let border = prop_oneof![
        Just(0_usize),
        Just(256 << 10),
        Just(MIB),
        Just(5 * MIB),
        Just(8 * MIB),
        Just(10 * MIB),
        Just(16 * MIB)
    ];
    prop_oneof![
        3 => (border, -2_isize..=2).prop_map(|(border, off)| border.saturating_add_signed(off)),
        1 => 0_usize..20 * MIB,
    ]
}

#[derive(Clone, Debug)]
struct Case {
    size: usize,
    seed: u64,
    /// The source's part size; in one part where there is none.
    part: Option<usize>,
    packed: bool,
    unpack: [bool; 2],
    memory: u64,
    part_size: u64,
    split_above: u64,
    hint: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let part = prop_oneof![Just(None), Just(Some(5 * MIB)), Just(Some(8 * MIB)), (5 * MIB..9 * MIB).prop_map(Some)];
    let mib = |sizes: &'static [u64]| proptest::sample::select(sizes).prop_map(|n| n << 20);
    let limits = (mib(&[16, 20, 64]), mib(&[5, 8]), mib(&[6, 1024]));
    let flags = (any::<bool>(), any::<[bool; 2]>(), any::<bool>());
    (sizes(), any::<u64>(), part, flags, limits).prop_map(
        |(size, seed, part, (packed, unpack, hint), (memory, part_size, split_above))| Case {
            size,
            seed,
            part,
            packed,
            unpack: unpack.map(|unpack| unpack && packed),
            memory,
            part_size,
            split_above,
            hint,
        },
    )
}

async fn arrives(case: Case) {
    let mut stage = Stage::new().await;
    stage.options.memory = case.memory;
    stage.options.part_size = case.part_size;
    stage.options.split_above = case.split_above;
    let bytes = content(case.size, case.seed);
    let held = if case.packed { gzip(&bytes) } else { bytes.clone() };
    let object = match case.part.filter(|_| !held.is_empty()) {
        Some(part) => in_parts(&held, part),
        None => StoredObject::new(held.clone()),
    };
    let etag = object.etag().to_owned();
    stage.put("x", object);
    let root = tempfile::tempdir().unwrap();
    let copier = stage.copier_to(vec![opened(stage.site()), directory(&root)]);
    let target = |destination: usize| Target {
        destination,
        key: "x".into(),
        unpack: case.unpack[destination],
        newest_wins: false,
    };
    let job = Job { source: stage.listed("x").await, hint: case.hint, targets: vec![target(0), target(1)] };
    let copied = copier.copy(job).await;
    assert_eq!((copied.source_reads, copied.changed), (1, false), "{case:?}");
    let expected = |site: usize| if case.unpack[site] { &bytes } else { &held };
    assert_eq!(stage.arrived(0, "x").unwrap(), expected(0), "{case:?}");
    assert_eq!(std::fs::read(root.path().join("x")).unwrap(), *expected(1), "{case:?}");
    let strength = verified(&copied.targets[0]);
    assert!(matches!(strength, Strength::Md5 | Strength::MultipartEtag), "{case:?}: {strength:?}");
    assert_eq!(verified(&copied.targets[1]), Strength::Reread);
    let alone = stage.copier().copy(crate::stage::job(stage.listed("x").await, 1)).await;
    assert!(verified(&alone.targets[0]) <= Strength::MultipartEtag);
    let there = stage.site().object(crate::stage::BUCKET, "x").unwrap();
    assert_eq!(there.bytes().unwrap(), held, "{case:?}");
    // Written in one part, or in the source's own, an object keeps its ETag.
    let keeps = case.part.is_none() && held.len() as u64 <= case.split_above
        || case.part.is_some() && held.len() as u64 > case.part_size && there.part_sizes().len() > 1;
    if keeps {
        assert_eq!(there.etag(), etag, "{case:?}");
    }
    assert_eq!(stage.unfinished(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_object_arrives_whole_whatever_the_options(case in cases()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(arrives(case));
    }
}
