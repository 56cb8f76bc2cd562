//! From the words of SQLite to those of PostgreSQL: expressions, defaults, tables, views.
