//! Files into tables, and back.

mod read;
