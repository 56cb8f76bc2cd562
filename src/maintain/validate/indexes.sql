-- Every index with whether it can be used, and whether somebody works on it: REINDEX and DROP INDEX CONCURRENTLY hold
-- ShareUpdateExclusive on the index, CREATE INDEX CONCURRENTLY on its table.
SELECT n.nspname,
       i.relname,
       c.oid::regclass,
       x.indisvalid AND x.indisready AND x.indislive,
       EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.oid)
       OR EXISTS (SELECT FROM pg_locks l
                   WHERE l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
                     AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                     AND l.relation = i.oid),
       x.indisunique
  FROM pg_index x
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_class c ON c.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = i.relnamespace
 WHERE i.relkind = 'i' AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
 ORDER BY 1, 2
