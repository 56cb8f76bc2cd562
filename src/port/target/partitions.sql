-- The partitions of the schema's tables, wherever they are: which rows each takes, and which of its columns are NOT NULL
-- there alone.
WITH RECURSIVE family (root, oid) AS (
    SELECT c.relname, c.oid
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = :schema AND c.relkind = 'p'
    UNION
    SELECT family.root, i.inhrelid FROM family JOIN pg_inherits i ON i.inhparent = family.oid
), roots (oid, names) AS (
    SELECT oid, json_agg(root) FROM family GROUP BY oid
)
SELECT n.nspname AS schema,
       c.relname AS name,
       roots.names AS "of",
       c.relkind = 'p' AS partitioned,
       pg_get_partition_constraintdef(c.oid) AS bounds,
       COALESCE((SELECT json_agg(a.attname ORDER BY a.attnum)
                   FROM pg_attribute a
                   JOIN pg_attribute b ON b.attrelid = h.inhparent AND b.attname = a.attname
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND a.attnotnull AND NOT b.attnotnull), '[]') AS not_null
  FROM roots
  JOIN pg_class c ON c.oid = roots.oid AND c.relispartition
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_inherits h ON h.inhrelid = c.oid
 ORDER BY c.oid
