//! A page of `ListObjectsV2`.

use time::OffsetDateTime;
use transship_types::{ETag, Entry, Key};

use super::{bad, encode, is_true, number, time, walk::Walk};
use crate::{Cursor, CursorKind, ListPage, Result};

/// Reads a page while it arrives: its XML takes twice as much memory as its entries.
#[derive(Default)]
pub(in super::super) struct PageReader {
    walk: Walk,
    draft: Draft,
}

impl PageReader {
    /// What arrived next.
    pub(in super::super) fn read(&mut self, xml: &[u8]) -> Result<()> {
        self.walk.read(xml, |path, text| self.draft.close(path, text))
    }

    /// Nothing more comes.
    pub(in super::super) fn end(mut self) -> Result<ListPage> {
        self.walk.end(|path, text| self.draft.close(path, text))?;
        self.draft.page()
    }
}

#[derive(Default)]
struct Draft {
    page: ListPage,
    /// The entry whose fields arrive.
    entry: Partial,
    seen_root: bool,
    encoded: bool,
    truncated: Option<bool>,
    token: Option<String>,
}

#[derive(Default)]
struct Partial {
    key: Option<Key>,
    size: Option<u64>,
    modified: Option<OffsetDateTime>,
    etag: Option<ETag>,
    class: Option<String>,
}

impl Draft {
    /// An element came to its end.
    fn close(&mut self, path: &[String], text: &str) -> Result<()> {
        match path {
            [root] => self.seen_root = root == "ListBucketResult",
            [_, name] => match name.as_str() {
                "EncodingType" => self.encoded = text == "url",
                "IsTruncated" => self.truncated = Some(is_true(text)?),
                "NextContinuationToken" if !text.is_empty() => self.token = Some(text.to_owned()),
                "Contents" => self.page.entries.push(std::mem::take(&mut self.entry).whole()?),
                _ => {}
            },
            [_, outer, name] if outer == "Contents" => match name.as_str() {
                "Key" => self.entry.key = Some(Key::from(text)),
                "Size" => self.entry.size = Some(number(text)?),
                "LastModified" => self.entry.modified = Some(time(text)?),
                "ETag" if !text.is_empty() => self.entry.etag = Some(ETag::new(text)),
                "StorageClass" if !["", "STANDARD"].contains(&text) => self.entry.class = Some(text.to_owned()),
                _ => {}
            },
            [_, outer, name] if outer == "CommonPrefixes" && name == "Prefix" => {
                self.page.prefixes.push(text.to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    fn page(self) -> Result<ListPage> {
        let Self { mut page, encoded, truncated, token, seen_root, .. } = self;
        if !seen_root {
            return Err(bad("it is no ListBucketResult"));
        }
        // How keys are encoded may be said behind them.
        if encoded {
            decode(&mut page)?;
        }
        // Pages wait in memory.
        page.entries.shrink_to_fit();
        // What is not listed may be taken for deleted: a page that is not clear about whether it is the last one is none.
        page.next = match (truncated, token) {
            (Some(false), None) => None,
            (Some(true), Some(token)) => Some(Cursor(CursorKind::Token(token))),
            (Some(true), None) => return Err(bad("the listing is truncated, but has no continuation token")),
            (Some(false), Some(_)) => return Err(bad("the listing is not truncated, but has a continuation token")),
            (None, _) => return Err(bad("the listing does not say whether it is truncated")),
        };
        Ok(page)
    }
}

impl Partial {
    fn whole(self) -> Result<Entry> {
        Ok(Entry {
            key: self.key.filter(|key| !key.as_str().is_empty()).ok_or_else(|| bad("an entry has no key"))?,
            size: self.size.ok_or_else(|| bad("an entry has no size"))?,
            last_modified: self.modified.ok_or_else(|| bad("an entry has no time"))?,
            etag: self.etag,
            storage_class: self.class,
        })
    }
}

fn decode(page: &mut ListPage) -> Result<()> {
    for entry in &mut page.entries {
        if let Some(key) = decoded(entry.key.as_str())? {
            entry.key = Key::from(key);
        }
    }
    for prefix in &mut page.prefixes {
        if let Some(decoded) = decoded(prefix)? {
            *prefix = decoded;
        }
    }
    Ok(())
}

/// What it stands for, where that is something else.
fn decoded(text: &str) -> Result<Option<String>> {
    if !text.contains(['%', '+']) {
        return Ok(None);
    }
    encode::decode(text).map(Some).ok_or_else(|| bad(format!("the key {text:?} is no UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn list_page(xml: &[u8]) -> Result<ListPage> {
        let mut page = PageReader::default();
        page.read(xml)?;
        page.end()
    }

    #[test]
    fn a_page_is_read_whole_and_decoded() {
        let page = list_page(
            br#"<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <Name>b</Name><IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>
            <Contents><Key>a+b%2Bc%0A</Key><Size>5</Size><ETag>&quot;abc&quot;</ETag><Owner><ID>Key</ID></Owner>
            <LastModified>2020-01-02T03:04:05.678Z</LastModified><StorageClass>GLACIER</StorageClass></Contents>
            <CommonPrefixes><Prefix>x%2F</Prefix></CommonPrefixes><EncodingType>url</EncodingType></ListBucketResult>"#,
        )
        .unwrap();
        assert_eq!(page.entries[0].key.as_str(), "a b+c\n");
        assert_eq!((page.entries[0].size, page.entries[0].etag.clone().unwrap().as_str()), (5, "abc"));
        assert_eq!(page.entries[0].storage_class.as_deref(), Some("GLACIER"));
        assert_eq!(page.prefixes, ["x/"]);
        assert!(matches!(page.next, Some(Cursor(CursorKind::Token(t))) if t == "t&1"));
    }

    #[test]
    fn a_page_that_does_not_say_clearly_whether_more_is_to_come_is_an_error() {
        for bad in [
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "<ListBucketResult><Contents><Key>a</Key>",
            "<html></html>",
            "",
            "<ListBucketResult><Contents><Key>a</Key></Contents><IsTruncated>false</IsTruncated></ListBucketResult>",
            "<ListBucketResult></ListBucketResult>",
            "<ListBucketResult/>",
            "<ListBucketResult><IsTruncated/></ListBucketResult>",
            "<ListBucketResult><IsTruncated>no</IsTruncated></ListBucketResult>",
            "<ListBucketResult><IsTruncated>false</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken/></ListBucketResult>",
            "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>",
            "<html><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult></html>",
        ] {
            let read = list_page(bad.as_bytes());
            assert_eq!(read.map_err(|e| e.kind()).map(drop), Err(ErrorKind::InvalidReply), "{bad}");
        }
        for last in ["<IsTruncated>false</IsTruncated>", "<NextContinuationToken/><IsTruncated>false</IsTruncated>"] {
            let page = list_page(format!("<ListBucketResult>{last}</ListBucketResult>").as_bytes()).unwrap();
            assert!(page.next.is_none(), "{last}");
        }
    }

    /// Texts and markup of every kind, so that each may be cut.
    const ANY: &str = "\u{feff}<?xml version=\"1.0\"?><!-- > --><ListBucketResult a=\">\"><IsTruncated>true</IsTruncated>\
        <Delimiter/><Contents><Key>\u{feff}a&lt;ö😀&#x41;<![CDATA[</Key>]]>></Key><Size> 5 </Size><Owner><ID/></Owner>\
        <LastModified>2020-01-02T03:04:05Z</LastModified><ETag>&quot;e&quot;</ETag></Contents>\u{feff}<ö></ö>\n\
        <Contents><Key>b%2Fc</Key><Size>6</Size><LastModified>2020-01-02T03:04:06Z</LastModified></Contents>\
        <CommonPrefixes><Prefix>d%2F</Prefix></CommonPrefixes><EncodingType>url</EncodingType>\
        <NextContinuationToken><x></x>\u{feff}<y></y>t</NextContinuationToken></ListBucketResult> ";

    /// The same in pieces: the first so long, the others all alike.
    fn in_pieces(xml: &[u8], first: usize, length: usize) -> Result<ListPage> {
        let mut page = PageReader::default();
        page.read(&xml[..first])?;
        xml[first..].chunks(length).try_for_each(|piece| page.read(piece))?;
        page.end()
    }

    fn shown(page: &ListPage) -> String {
        let entry = |entry: &Entry| format!("{:?} {} {:?}", entry.key.as_str(), entry.size, entry.etag);
        let entries: Vec<_> = page.entries.iter().map(entry).collect();
        let token = matches!(&page.next, Some(Cursor(CursorKind::Token(token))) if token == "t");
        format!("{} {:?} {token}", entries.join(" "), page.prefixes)
    }

    #[test]
    fn it_does_not_matter_how_a_page_is_cut() {
        let whole = "\"\\u{feff}a<ö😀A</Key>>\" 5 Some(\"e\") \"b/c\" 6 None [\"d/\"] true";
        for document in [ANY, ANY.trim_start_matches('\u{feff}')] {
            assert_eq!(shown(&list_page(document.as_bytes()).unwrap()), whole);
            for length in 1..document.len() {
                for first in (0..=length).step_by(1 + length / 50) {
                    let page = in_pieces(document.as_bytes(), first, length).unwrap();
                    assert_eq!(shown(&page), whole, "{first} bytes, then {length} each");
                }
            }
        }
    }

    #[test]
    fn a_page_that_breaks_off_is_an_error_wherever_it_does() {
        for end in 0..ANY.trim_end().len() {
            for cut in (0..end).step_by(1 + end / 50) {
                assert!(in_pieces(&ANY.as_bytes()[..end], cut, end).is_err(), "after {cut} and {end} bytes");
            }
        }
    }

    #[test]
    fn an_element_without_an_end_does_not_fill_the_memory() {
        let mut page = PageReader::default();
        page.read(b"<ListBucketResult><Contents><Key>").unwrap();
        let endless = (0..1 << 20).find(|_| page.read(&[b'a'; 1000]).is_err());
        assert!(endless.is_some_and(|pieces| pieces < 100), "{endless:?}");
    }

    #[test]
    fn what_is_not_well_formed_is_refused_wherever_it_is_cut() {
        for bad in [
            "<IsTruncated>false</Size>",
            "<IsTruncated>false</IsTruncated></Contents>",
            "<IsTruncated>false</IsTruncated></ListBucketResult></a>",
            "<Contents><Key>k</Contents></Key><IsTruncated>false</IsTruncated>",
            "<IsTruncated>false</IsTruncated><Name>a&b</Name>",
            "<IsTruncated>false</IsTruncated><Name>a&b;</Name>",
            "<IsTruncated>false</IsTruncated><!x>",
            "<IsTruncated>false</IsTruncated><![x]]>",
            "<IsTruncated>false</IsTruncated><!-- ",
        ] {
            let document = format!("<ListBucketResult>{bad}</ListBucketResult>");
            for cut in 0..document.len() {
                for length in [1, 7, document.len()] {
                    assert!(in_pieces(document.as_bytes(), cut, length).is_err(), "{bad} after {cut}, {length} each");
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told_as_soon_as_it_is_read() {
        let mut page = PageReader::default();
        let error = page.read(b"<ListBucketResult><Contents><Key>a&b</Key><Size>1</Size>").unwrap_err();
        assert!(error.to_string().contains("reference not closed"), "{error}");
    }
}
