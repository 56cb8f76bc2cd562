//! Trees of files → tables, and back.

mod again;
mod backup;
mod command;
mod crash;
mod gone;
mod halves;
mod jobs;
mod load;
mod parents;
mod proof;
mod read;
mod roundtrip;
mod secrets;
mod sets;
mod sqlite_files;
mod store;
mod tree;
