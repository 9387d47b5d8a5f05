//! Copy objects between any stores, to many destinations from one read, verified.
