//! `ListObjectsV2`.

use http::{HeaderMap, Method, header};

use super::{client::Client, message::Request, xml};
use crate::{Cursor, CursorKind, Error, ErrorKind, ListPage, ListRequest, Result};

/// SeaweedFS sorts the names in each folder by themselves: `a/b` comes before `a.b`, and asked for what comes after `a.` it
/// leaves out all of `a/`, which looks like any other short listing. So it is not enough to look at the keys.
fn lists_by_folders(headers: &HeaderMap) -> bool {
    headers.get(header::SERVER).is_some_and(|server| server.as_bytes().starts_with(b"SeaweedFS"))
}

/// Keys travel percent-encoded: XML cannot hold control characters.
pub(super) async fn page(client: &Client, request: &ListRequest, cursor: Option<Cursor>) -> Result<ListPage> {
    let mut http = Request::new("list", Method::GET, None).query("list-type", "2").query("encoding-type", "url");
    http = http.query("prefix", &*request.prefix);
    if let Some(delimiter) = &request.delimiter {
        http = http.query("delimiter", delimiter);
    }
    if let Some(max) = request.max_keys {
        http = http.query("max-keys", max.to_string());
    }
    http = match cursor.map(|c| c.0) {
        Some(CursorKind::Token(token)) => http.query("continuation-token", token),
        Some(CursorKind::Open(_)) => {
            return Err(Error::new(ErrorKind::InvalidRequest, "the cursor comes from another store"));
        }
        None => match &request.start_after {
            Some(key) => http.query("start-after", key.as_str()),
            None => http,
        },
    };
    let mut page = xml::PageReader::default();
    let headers = client.each(http, |xml| page.read(xml)).await?;
    let page = page.end().map_err(|e| e.during("list", client.location(), None))?;
    Ok(ListPage { unordered: lists_by_folders(&headers), ..page })
}
