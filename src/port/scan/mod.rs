//! The scan: every value of every column, once.
