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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_before_their_siblings_in_folder_order() {
        let before = |a: &str, b: &str| in_folder_order(&Key::from(a), &Key::from(b));
        assert!(before("a/b", "a-b") && before("a", "a/b") && before("a/b", "a/c"));
        assert!(!before("a-b", "a/b") && !before("a", "a"));
    }
}
