-- {{name}}: what changes, and why.
--
-- The script runs in one transaction together with the row that records it: no BEGIN or COMMIT of its own is needed.
-- What can't run in a transaction, or needs foreign keys off (SQLite) or a lock timeout of its own (PostgreSQL), is
-- said by a directive in this first block of comments; Liftlock's docs/migrations.md lists them.

