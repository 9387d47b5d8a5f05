const MIB: u64 = 1 << 20;

/// Part sizes that tools use: aws-cli and boto (8), rclone and s3fs (5, 10), MinIO (16, 64), s5cmd (50), Azure and
/// Hadoop connectors (4, 100, 128) and so on, in MiB; decimal ones of some SDKs in bytes.
const USUAL: [u64; 20] = [
    8 * MIB,
    5 * MIB,
    16 * MIB,
    15 * MIB,
    10 * MIB,
    64 * MIB,
    50 * MIB,
    32 * MIB,
    100 * MIB,
    128 * MIB,
    25 * MIB,
    20 * MIB,
    256 * MIB,
    512 * MIB,
    1024 * MIB,
    6 * MIB,
    12 * MIB,
    5_000_000,
    10_000_000,
    100_000_000,
];

/// The part sizes in use with which an object of `size` bytes could have been written in `parts` parts.
pub fn usual_part_sizes(size: u64, parts: u32) -> impl Iterator<Item = u64> {
    USUAL.into_iter().filter(move |part| size.div_ceil(*part) == u64::from(parts))
}

/// Part sizes with which an object of `size` bytes could have been written in `parts` parts, likeliest first.
///
/// Equal parts with a shorter last one are assumed, as every tool writes them. The part size follows from size and
/// number of parts only up to a range: the usual sizes within it come first, then the smallest whole number of MiB.
pub fn part_sizes(size: u64, parts: u32) -> Vec<u64> {
    if parts == 0 || size == 0 {
        return Vec::new();
    }
    let (count, parts) = (parts, u64::from(parts));
    if parts == 1 {
        return vec![size];
    }
    let fits = |part: u64| part > 0 && size.div_ceil(part) == parts;
    let smallest = size.div_ceil(parts);
    let whole_mib = smallest.div_ceil(MIB) * MIB;
    let mut found: Vec<u64> = usual_part_sizes(size, count).collect();
    for candidate in [whole_mib, smallest] {
        if fits(candidate) && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_tools_are_recognised() {
        assert_eq!(part_sizes(50 * MIB, 7)[0], 8 * MIB);
        assert_eq!(part_sizes(64 * MIB + 1, 13)[0], 5 * MIB);
        assert_eq!(part_sizes(64 * MIB, 1), [64 * MIB]);
        assert_eq!(part_sizes(30 * MIB, 2)[0], 16 * MIB);
    }

    proptest! {
        #[test]
        fn every_candidate_gives_that_many_parts(size in 1u64..1 << 45, part in 1u64..5 << 30) {
            let parts = size.div_ceil(part);
            prop_assume!(parts <= 10_000);
            for candidate in part_sizes(size, u32::try_from(parts).unwrap()) {
                prop_assert_eq!(size.div_ceil(candidate), parts);
            }
        }

        #[test]
        fn an_object_written_with_whole_mib_parts_of_the_smallest_size_is_recognised(mib in 5u64..600, parts in 2u32..100) {
            let size = mib * MIB * u64::from(parts);
            prop_assert!(part_sizes(size, parts).contains(&(mib * MIB)));
        }
    }
}
