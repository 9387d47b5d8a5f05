use anyhow::Result;
use transship_testbed::{conformance::Deviation, servers::ServerKind};

use crate::suite;

const COPY_CONDITION: &str = "Ignores `x-amz-copy-source-if-match`: a source that has changed is copied all the same.";
const PART_NUMBER: &str = "Ignores `partNumber` and tells of the whole object; we answer `Unsupported`.";
const CHECKSUMS: &str = "Ignores `x-amz-checksum-*` of every algorithm; of digests, only `Content-MD5` is checked.";
const UPLOAD_TAGS: &str = "Ignores tags that are given when a multipart upload is started.";
const ABORTED: &str =
    "Answers 500 `InternalError`, and not `NoSuchUpload`, to the completion of an upload that was aborted.";
const STORAGE_CLASS: &str = "Refuses storage classes that its placement does not define: 400 `InvalidArgument`.";
const UPLOAD_CONDITION: &str = "Ignores conditions on the completion of an upload.";
const WRITE_CONDITION: &str =
    "Compares `If-Match` of a write with its quotes, so that a condition that holds fails: 412.";

pub(crate) const DEVIATIONS: &[Deviation] = &[
    Deviation::always("a copy of what was overwritten is a conflict and leaves nothing", COPY_CONDITION),
    Deviation::always("a range of what was overwritten fills no part", COPY_CONDITION),
    Deviation::always("a part of an object is read by its number", PART_NUMBER),
    Deviation::always("a part of an object is looked at by its number", PART_NUMBER),
    Deviation::always("a wrong crc32 is refused and leaves nothing", CHECKSUMS),
    Deviation::always("a wrong crc32 of a part is refused", CHECKSUMS),
    Deviation::always("a wrong crc32c is refused and leaves nothing", CHECKSUMS),
    Deviation::always("a wrong crc32c of a part is refused", CHECKSUMS),
    Deviation::always("a wrong crc64nvme is refused and leaves nothing", CHECKSUMS),
    Deviation::always("a wrong crc64nvme of a part is refused", CHECKSUMS),
    Deviation::always("a wrong sha256 is refused and leaves nothing", CHECKSUMS),
    Deviation::always("a wrong sha256 of a part is refused", CHECKSUMS),
    Deviation::always("a multipart object keeps its tags", UPLOAD_TAGS),
    Deviation::always("an upload that was aborted cannot be completed", ABORTED),
    Deviation::always("another storage class is kept and listed", STORAGE_CLASS),
    Deviation::always("completing an upload only where nothing is does not overwrite", UPLOAD_CONDITION),
    Deviation::always("writing over a known etag succeeds while it holds", WRITE_CONDITION),
];

#[tokio::test]
async fn s3_bucket_conforms_on_ceph_rgw() -> Result<()> {
    suite::on_server(ServerKind::Ceph, DEVIATIONS).await
}
