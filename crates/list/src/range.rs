use transship_types::Key;

/// Keys after one and up to another, in the order of their bytes. Keys are relative to the prefix of a
/// [`Side`](crate::Side), so that one range fits both sides of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// Only keys greater than this one.
    pub after: Option<Key>,
    /// Only keys up to this one, itself included.
    pub until: Option<Key>,
}

impl KeyRange {
    /// Every key.
    pub const ALL: Self = Self { after: None, until: None };

    /// Every key after this one: to go on where a listing ended.
    pub fn after(key: impl Into<Key>) -> Self {
        Self { after: Some(key.into()), until: None }
    }

    /// Whether `key` lies in here.
    pub fn contains(&self, key: &str) -> bool {
        self.after.as_ref().is_none_or(|after| key > after.as_str())
            && self.until.as_ref().is_none_or(|until| key <= until.as_str())
    }
}
