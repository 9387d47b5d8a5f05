//! File formats and variables into typed job descriptions.
