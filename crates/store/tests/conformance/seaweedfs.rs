use anyhow::Result;
use transship_testbed::{conformance::Deviation, servers::ServerKind};

use crate::suite;

const DOTS: &str = "Refuses keys with a segment `.` or `..`: 400 `InvalidRequest`.";
const SLASHES: &str = "Folds leading and repeated slashes: `/a` overwrites `a`, and `a//b` overwrites `a/b`.";
const FOLDERS: &str = "Cannot hold `a/` beside an object `a`: 409 `ExistingObjectIsFile`.";
const BACKSLASH: &str = "Takes a backslash for a slash: `a\\b` overwrites `a/b`.";
const ORDER: &str = "Lists folder by folder, so that `a/b` comes before `a-b`.";
const PART_ETAG: &str = "Tells the source object's ETag, and not that of the range, in the reply to UploadPartCopy.";

pub(crate) const DEVIATIONS: &[Deviation] = &[
    Deviation::always("all odd keys live side by side", DOTS),
    Deviation::always("odd keys are copied from and to", DOTS),
    Deviation::always("the key \".\" at the root is itself, and not \"root-x\"", DOTS),
    Deviation::always("the key \".\" is itself, and not \"x\"", DOTS),
    Deviation::always("the key \"..\" at the root is itself, and not \"root-y\"", DOTS),
    Deviation::always("the key \"..\" is itself, and not \"x\"", DOTS),
    Deviation::always("the key \"../root-up\" at the root is itself, and not \"root-up\"", DOTS),
    Deviation::always("the key \"./c\" is itself, and not \"c\"", DOTS),
    Deviation::always("the key \"./root-dot\" at the root is itself, and not \"root-dot\"", DOTS),
    Deviation::always("the key \"a/../b\" is itself, and not \"b\"", DOTS),
    Deviation::always("the key \"a/./b\" is itself, and not \"a/b\"", DOTS),
    Deviation::always("an unfinished upload of an odd key is listed exactly", SLASHES),
    Deviation::always("odd keys are deleted exactly", SLASHES),
    Deviation::always("the key \"//\" is itself, and not \"x\"", SLASHES),
    Deviation::always("the key \"//root-two\" at the root is itself, and not \"/root-two\"", SLASHES),
    Deviation::always("the key \"/a\" is itself, and not \"a\"", SLASHES),
    Deviation::always("the key \"/root-lead\" at the root is itself, and not \"root-lead\"", SLASHES),
    Deviation::always("the key \"a//b\" is itself, and not \"a/b\"", SLASHES),
    Deviation::always("an object and a folder of its name live side by side", FOLDERS),
    Deviation::always("the key \"a/\" is itself, and not \"a\"", FOLDERS),
    Deviation::always("the key \"a/b/\" is itself, and not \"a/b\"", FOLDERS),
    Deviation::always("the key \"a\\\\b\" is itself, and not \"a/b\"", BACKSLASH),
    Deviation::always("pages come in the order of the keys bytes", ORDER),
    Deviation::always("the etag of a part filled on the server is the md5 of the range", PART_ETAG),
];

#[tokio::test]
async fn s3_bucket_conforms_on_seaweedfs() -> Result<()> {
    suite::on_server(ServerKind::SeaweedFs, DEVIATIONS).await
}
