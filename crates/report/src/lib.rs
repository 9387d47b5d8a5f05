//! Outcomes of a run as a versioned report and a failed list.
