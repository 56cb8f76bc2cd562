//! The binary: parse, log, run, exit code; nothing else.

fn main() {}
