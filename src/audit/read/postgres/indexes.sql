-- The indexes of tables, vectors as they are stored. An index that can't be used is being built if a session reports
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
       pg_get_expr(x.indexprs, x.indrelid),
       CASE WHEN strpos(x.indexprs::text, '{RELABELTYPE') > 0 OR strpos(x.indexprs::text, '{COERCETODOMAIN') > 0
                 OR strpos(x.indexprs::text, ':funcid 669 ') > 0
            THEN x.indexprs::text END,
       pg_get_expr(x.indpred, x.indrelid),
       -- where IS NULL is about a cast, a row or a truth that is compared, or a constant is what is asked about
       CASE WHEN strpos(x.indpred::text, '{NULLTEST') > 0
                 AND (strpos(x.indpred::text, '{RELABELTYPE') > 0 OR strpos(x.indpred::text, '{COERCETODOMAIN') > 0
                      OR strpos(x.indpred::text, '{COLLATEEXPR') > 0 OR strpos(x.indpred::text, '{ROWEXPR') > 0
                      OR strpos(x.indpred::text, ':funcid 669 ') > 0 OR strpos(x.indpred::text, ':opno 91 ') > 0
                      OR strpos(x.indpred::text, ':opno 85 ') > 0)
                 OR strpos(x.indpred::text, ' ({CONST') > 0 OR strpos(x.indpred::text, ':arg {CONST') > 0
                 OR strpos(x.indpred::text, '{BOOLEANTEST') > 0
            THEN x.indpred::text END,
       :scans,
       x.indisreplident,
       x.indisclustered,
       -- a target of its own for an expression's statistics; the usual one is -1, and NULL since PostgreSQL 17
       x.indexprs IS NOT NULL AND EXISTS (SELECT FROM pg_attribute a
                                           WHERE a.attrelid = x.indexrelid AND a.attstattarget >= 0),
       x.indimmediate
  FROM pg_index x
  JOIN pg_class c ON c.oid = x.indrelid
 WHERE x.indrelid >= 16384 AND c.relkind IN ('r', 'p')
