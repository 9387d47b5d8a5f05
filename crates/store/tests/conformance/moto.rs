use anyhow::Result;
use transship_testbed::{conformance::Deviation, servers::ServerKind};

use crate::suite;

const COPY_CONDITION: &str = "Ignores `x-amz-copy-source-if-match`: a source that has changed is copied all the same.";
const PART_NUMBER: &str = "Ignores `partNumber` and tells of the whole object; we answer `Unsupported`.";
const DIGESTS: &str = "Checks no digest at all: neither `Content-MD5` nor `x-amz-checksum-*`.";
const SIGNATURES: &str = "Checks no signature: any secret will do.";
const NEWLINES: &str = "Refuses keys with a line end: 404.";
const INITIATED: &str = "Lists every unfinished upload as started in November 2010.";
const ABORTED: &str = "Answers 500, and not `NoSuchUpload`, to the completion of an upload that was aborted.";
const NO_TAGS: &str = "Answers 500 to an empty set of tags.";
const WRITERS: &str = "Answers 500 to some of many writers of one key at the same time.";

pub(crate) const DEVIATIONS: &[Deviation] = &[
    Deviation::always("a copy of what was overwritten is a conflict and leaves nothing", COPY_CONDITION),
    Deviation::always("a range of what was overwritten fills no part", COPY_CONDITION),
    Deviation::always("a part of an object is read by its number", PART_NUMBER),
    Deviation::always("a part of an object is looked at by its number", PART_NUMBER),
    Deviation::always("a wrong md5 is refused and leaves nothing", DIGESTS),
    Deviation::always("a wrong md5 of a part is refused", DIGESTS),
    Deviation::always("a wrong crc32 is refused and leaves nothing", DIGESTS),
    Deviation::always("a wrong crc32 of a part is refused", DIGESTS),
    Deviation::always("a wrong crc32c is refused and leaves nothing", DIGESTS),
    Deviation::always("a wrong crc32c of a part is refused", DIGESTS),
    Deviation::always("a wrong crc64nvme is refused and leaves nothing", DIGESTS),
    Deviation::always("a wrong crc64nvme of a part is refused", DIGESTS),
    Deviation::always("a wrong sha256 is refused and leaves nothing", DIGESTS),
    Deviation::always("a wrong sha256 of a part is refused", DIGESTS),
    Deviation::always("a wrong secret is told as wrong credentials", SIGNATURES),
    Deviation::always("a wrong secret writes nothing", SIGNATURES),
    Deviation::always("all odd keys live side by side", NEWLINES),
    Deviation::always("odd keys are deleted exactly", NEWLINES),
    Deviation::always("the key \"a\\nb\" is itself, and not \"ab\"", NEWLINES),
    Deviation::always("the key \"a\\r\\nb\" is itself, and not \"ab\"", NEWLINES),
    Deviation::always("unfinished uploads are listed until they are aborted", INITIATED),
    Deviation::always("an unfinished upload of an odd key is listed exactly", INITIATED),
    Deviation::always("an upload that was aborted cannot be completed", ABORTED),
    Deviation::always("giving no tags takes all away", NO_TAGS),
    Deviation::sometimes("thirty two writers of one key leave one of theirs", WRITERS),
    Deviation::sometimes("of many that write only where nothing is one succeeds", WRITERS),
];

#[tokio::test]
async fn s3_bucket_conforms_on_moto() -> Result<()> {
    suite::on_server(ServerKind::Moto, DEVIATIONS).await
}
