//! How the files of a migrations folder are read, and written.
