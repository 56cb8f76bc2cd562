-- The indexes of tables, vectors and trees of expressions as they are stored. An index that can't be used is being built if a session reports
-- so, or works on it under a lock that nobody takes in passing: REINDEX and DROP INDEX CONCURRENTLY hold ShareUpdate-
-- Exclusive on the index; CREATE INDEX CONCURRENTLY holds it on the table, and sessions of other roles don't show
-- which index they build.
SELECT x.indexrelid,
       x.indrelid,
       x.indisunique,
       :nulls_not_distinct,
       x.indisvalid AND x.indisready AND x.indislive,
       CASE WHEN NOT (x.indisvalid AND x.indisready AND x.indislive) THEN
           x.indexrelid IN (SELECT p.index_relid FROM pg_stat_progress_create_index p WHERE p.index_relid IS NOT NULL)
           OR x.indexrelid IN (SELECT l.relation FROM pg_locks l
                                WHERE l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
                                  AND l.database = (SELECT d.oid FROM pg_database d
                                                     WHERE d.datname = current_database()))
           OR x.indrelid IN (SELECT l.relation FROM pg_locks l
                              JOIN pg_stat_progress_create_index p ON p.pid = l.pid AND p.index_relid IS NULL
                             WHERE l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
                               AND p.datname = current_database())
       END,
       x.indnkeyatts,
       x.indkey,
       x.indclass,
       x.indcollation,
       x.indoption,
       x.indexprs,
       x.indpred,
       :scans,
       x.indisreplident,
       x.indisclustered,
       x.indimmediate
  FROM pg_index x
  JOIN pg_class c ON c.oid = x.indrelid
 WHERE x.indrelid >= 16384 AND c.relkind IN ('r', 'p')
