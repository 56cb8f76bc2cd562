-- Tables that have storage. A partitioned table has none: its partitions are listed.
SELECT n.nspname,
       c.relname,
       c.reltuples::bigint,
       :table_bytes,
       :index_bytes,
       pg_stat_get_dead_tuples(c.oid),
       floor(extract(epoch FROM clock_timestamp()
             - greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid))))::bigint,
       (n.nspname, c.relname) IN (SELECT s.schemaname, s.tablename FROM pg_stats s)
       OR pg_stat_get_last_analyze_time(c.oid) IS NOT NULL OR pg_stat_get_last_autoanalyze_time(c.oid) IS NOT NULL,
       pg_stat_get_mod_since_analyze(c.oid),
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
       c.relrowsecurity AND row_security_active(c.oid)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
 ORDER BY 1, 2;
SELECT n.nspname,
       i.relname,
       c.relname,
       :one_index_bytes,
       x.indisvalid AND x.indisready,
       pg_stat_get_numscans(i.oid)
  FROM pg_index x
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_class c ON c.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE i.relkind = 'i' AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
