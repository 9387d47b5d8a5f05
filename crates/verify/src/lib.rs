//! Digests, ETag arithmetic and equality at a named strength.
