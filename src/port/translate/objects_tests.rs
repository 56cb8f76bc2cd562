//! Tests of what a plan is filled with.
