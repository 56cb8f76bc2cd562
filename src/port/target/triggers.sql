-- Triggers that people made, on the schema's tables and on their partitions wherever they are; parents first, since
-- switching one on for a parent does so for its partitions.
WITH RECURSIVE family (root, oid, depth) AS (
    SELECT c.relname, c.oid, 0
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = :schema AND c.relkind IN ('r', 'p')
    UNION
    SELECT family.root, i.inhrelid, family.depth + 1 FROM family JOIN pg_inherits i ON i.inhparent = family.oid
), roots (oid, names, depth) AS (
    SELECT oid, json_agg(root), max(depth) FROM family GROUP BY oid
)
SELECT t.tgname AS name,
       n.nspname AS schema,
       c.relname AS "table",
       roots.names AS "of",
       t.tgenabled AS enabled,
       pg_get_triggerdef(t.oid) AS definition,
       pg_has_role(c.relowner, 'USAGE') AS may_restore
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN roots ON roots.oid = t.tgrelid
 WHERE NOT t.tgisinternal
 ORDER BY roots.depth, t.oid
