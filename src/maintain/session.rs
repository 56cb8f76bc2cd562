//! How a session of PostgreSQL is set up, so that what it prints can be read again as what it is.

/// Settings of the session: values are printed exactly, and strings read as they were taken apart, whatever the server's, the
/// database's or the role's settings are.
pub(super) const EXACT: &str = "SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET extra_float_digits = 1; \
     SET standard_conforming_strings = on; SET intervalstyle = 'postgres'; SET bytea_output = 'hex'; SET synchronous_commit = on;";
