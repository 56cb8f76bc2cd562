-- As nulls.sql, for a role that may not read pg_statistic.
SELECT c.oid, a.attnum, s.null_frac
  FROM pg_stats s
  JOIN pg_namespace n ON n.nspname = s.schemaname
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
 WHERE s.null_frac > 0 AND c.oid >= 16384
 ORDER BY s.inherited DESC
