//! Move objects between clouds and prove that they arrived.
