//! Trees of files → tables, and back.

mod command;
mod crash;
mod load;
mod read;
mod roundtrip;
mod sqlite_files;
