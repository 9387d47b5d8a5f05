//! Parse object keys with one template and render them with another (repartitioning).
