//! Where the keys that sign requests come from.
