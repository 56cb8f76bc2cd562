-- The database of the port's bench: 4 million rows, about 660 MB. Run by `sqlite3 bench.db < generate.sql`.
-- Narrow integers with a foreign key, mixed rows, JSON documents of 1 to 4 KB, blobs of 0 to 16 KB.
-- A smaller one: `CREATE TEMP TABLE share AS SELECT 0.05 AS of` before it.
PRAGMA page_size = 4096;
PRAGMA journal_mode = off;
PRAGMA synchronous = off;
CREATE TEMP TABLE IF NOT EXISTS share AS SELECT 1.0 AS of;
CREATE TEMP TABLE wanted AS SELECT
  CAST(1000000 * of AS INTEGER) AS accounts, CAST(2900000 * of AS INTEGER) AS events,
  CAST(76000 * of AS INTEGER) AS documents, CAST(27000 * of AS INTEGER) AS attachments FROM share;
BEGIN;
CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL, created DATETIME, active BOOLEAN NOT NULL, balance REAL, note TEXT);
CREATE TABLE event (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES account (id), kind INTEGER NOT NULL, amount INTEGER, at INTEGER NOT NULL);
CREATE TABLE document (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES account (id), body JSON NOT NULL);
CREATE TABLE attachment (id INTEGER PRIMARY KEY, document_id INTEGER NOT NULL REFERENCES document (id), name TEXT, content BLOB);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < (SELECT accounts FROM wanted))
INSERT INTO account SELECT i, 'account ' || i, strftime('%Y-%m-%d %H:%M:%S', 1600000000 + i * 37, 'unixepoch'), i % 3 = 0,
  (i * 7919 % 1000003) / 100.0, CASE i % 4 WHEN 0 THEN NULL ELSE 'a note of some length, number ' || (i * 31 % 9973) || ', for the account' END FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < (SELECT events FROM wanted))
INSERT INTO event SELECT i, 1 + i * 7919 % (SELECT accounts FROM wanted), i % 17,
  CASE WHEN i % 11 = 0 THEN NULL ELSE i * 104729 % 1000003 END, 1600000000 + i * 11 FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < (SELECT documents FROM wanted))
INSERT INTO document SELECT i, 1 + i * 7919 % (SELECT accounts FROM wanted),
  '{"id": ' || i || ', "title": "document ' || i || '", "tags": ["a", "b", "c' || (i % 7) || '"], "body": "' ||
  substr(hex(zeroblob(100)) || replace(hex(randomblob(2000)), 'A', ' word '), 1, 900 + i * 7919 % 3000) || '"}' FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < (SELECT attachments FROM wanted))
INSERT INTO attachment SELECT i, 1 + i * 7919 % (SELECT documents FROM wanted), 'file' || i || '.bin',
  randomblob(i * 7919 % 16384) FROM n;
COMMIT;
