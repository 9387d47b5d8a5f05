//! What every Transship binary shares.
