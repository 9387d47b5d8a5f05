//! `docs/stores.md` describes what the tests found, and nothing else.

use crate::{amazon_s3, azurite, ceph, in_memory_s3, local_directory, memory, moto, seaweedfs};

#[test]
fn the_page_on_stores_describes_every_deviation_under_its_server() {
    let page = include_str!("../../../../docs/stores.md");
    let suites = [
        ("Ceph RGW", ceph::DEVIATIONS),
        ("SeaweedFS", seaweedfs::DEVIATIONS),
        ("moto", moto::DEVIATIONS),
        ("Azurite", azurite::DEVIATIONS),
        ("object_store's S3 store", amazon_s3::DEVIATIONS),
        ("object_store's S3 store", amazon_s3::DEVIATIONS_ON_CEPH),
        ("Local directory", local_directory::DEVIATIONS),
        ("Memory", memory::DEVIATIONS),
        ("The in-memory S3 server", in_memory_s3::DEVIATIONS),
    ];
    for (server, deviations) in suites {
        let section = page.split("\n## ").find(|section| section.starts_with(server));
        let section = section.unwrap_or_else(|| panic!("docs/stores.md has no section {server:?}"));
        let text = section.split_whitespace().collect::<Vec<_>>().join(" ");
        for deviation in deviations {
            assert!(text.contains(deviation.observed), "under {server:?}: {}", deviation.observed);
        }
    }
}
