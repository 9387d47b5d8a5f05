use transship_types::Key;

/// An order that a server was found to have: that of the keys' bytes, or folder by folder, as SeaweedFS lists: `a/b` before
/// `a-b`. A page that comes again is in neither.
#[derive(Debug, Default)]
pub(crate) struct OwnOrder {
    by_folders: bool,
}

impl OwnOrder {
    /// Whether one key may come right after another.
    pub(crate) fn allows(&mut self, before: &Key, after: &Key) -> bool {
        let (by_bytes, by_folders) = (before < after, in_folder_order(before, after));
        self.by_folders |= !by_bytes && by_folders;
        by_folders || by_bytes && !self.by_folders
    }
}

fn in_folder_order(before: &Key, after: &Key) -> bool {
    before.as_str().split('/').lt(after.as_str().split('/'))
}

/// A cut, or one a little before it, behind which no key lies in one order and not in the other, unless a page shows it.
///
/// Asked for what comes after `a-`, a server that lists by folders leaves out all of `a/`, and nothing on a page tells. So a
/// cut has characters before `/` only as far as it agrees with a key that was listed: where that one begins with `a-`,
/// all of `a/` came before it, out of order, and was seen to be. `None` where nothing is left between.
pub(crate) fn in_both_orders(mut cut: String, known: &str) -> Option<String> {
    let common: usize =
        cut.chars().zip(known.chars()).take_while(|(one, other)| one == other).map(|(c, _)| c.len_utf8()).sum();
    let low = cut[common..].find(|c| c < '/').map_or(cut.len(), |at| common + at);
    cut.truncate(low);
    (low > common).then_some(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_names_no_sibling_of_a_folder_that_was_not_seen() {
        let cut = |cut: &str, known: &str| in_both_orders(cut.to_owned(), known);
        assert_eq!(cut("2024-05-06", "2024-01-02").as_deref(), Some("2024-05"));
        assert_eq!(cut("part-0005", "part-0001").as_deref(), Some("part-0005"));
        assert_eq!(cut("a.", "a-1"), None);
        assert_eq!(cut("a-", "a"), None);
        assert_eq!(cut("é/b", "é").as_deref(), Some("é/b"));
    }

    #[test]
    fn folders_come_before_their_siblings_in_folder_order() {
        let before = |a: &str, b: &str| in_folder_order(&Key::from(a), &Key::from(b));
        assert!(before("a/b", "a-b") && before("a", "a/b") && before("a/b", "a/c"));
        assert!(!before("a-b", "a/b") && !before("a", "a"));
    }
}
