-- Tables that are worth a VACUUM or an ANALYZE, and indexes that can't be used. Who may do it: the owner, the
-- database's owner, a superuser (and from PostgreSQL 17 who has MAINTAIN).
SELECT n.nspname,
       c.relname,
       c.relkind,
       pg_stat_get_dead_tuples(c.oid),
       pg_stat_get_mod_since_analyze(c.oid),
       coalesce(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)) IS NULL
       AND c.reltuples <> 0,
       pg_has_role(c.relowner, 'USAGE')
       OR pg_has_role((SELECT d.datdba FROM pg_database d WHERE d.datname = current_database()), 'USAGE')
       OR (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
       OR :maintain,
       pg_total_relation_size(c.oid)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
   AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
 ORDER BY 1, 2
