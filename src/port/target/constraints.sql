-- The constraints of the schema's tables and of their partitions wherever they are, and the foreign keys that refer
-- to them from anywhere. `of` and `parent_of` name the tables of the schema that a table is, or is a partition of;
-- they are gathered once: to look through all tables for each constraint takes seconds where there are thousands.
WITH RECURSIVE family (root, oid) AS (
    SELECT c.relname, c.oid
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = :schema AND c.relkind IN ('r', 'p')
    UNION
    SELECT family.root, i.inhrelid FROM family JOIN pg_inherits i ON i.inhparent = family.oid
), roots (oid, names) AS (
    SELECT oid, json_agg(root) FROM family GROUP BY oid
)
SELECT k.conname AS name,
       k.contype AS kind,
       n.nspname AS schema,
       c.relname AS "table",
       c.relkind = 'p' AS partitioned,
       COALESCE(of_child.names, '[]') AS "of",
       COALESCE((SELECT json_agg(a.attname ORDER BY u.nth)
                   FROM unnest(k.conkey) WITH ORDINALITY u (attnum, nth)
                   JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum), '[]') AS columns,
       COALESCE((SELECT json_agg(a.attname ORDER BY u.nth)
                   FROM pg_index x
                  CROSS JOIN unnest(x.indkey) WITH ORDINALITY u (attnum, nth)
                   JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.attnum
                  WHERE x.indrelid = k.conrelid AND x.indisprimary), '[]') AS primary_key,
       pn.nspname AS parent_schema,
       p.relname AS parent,
       COALESCE(of_parent.names, '[]') AS parent_of,
       COALESCE((SELECT json_agg(a.attname ORDER BY u.nth)
                   FROM unnest(k.confkey) WITH ORDINALITY u (attnum, nth)
                   JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum), '[]') AS parent_columns,
       COALESCE((SELECT json_agg(format('OPERATOR(%I.%s)', o_n.nspname, o.oprname) ORDER BY u.nth)
                   FROM unnest(k.conpfeqop) WITH ORDINALITY u (oid, nth)
                   JOIN pg_operator o ON o.oid = u.oid
                   JOIN pg_namespace o_n ON o_n.oid = o.oprnamespace), '[]') AS operators,
       k.convalidated AS valid,
       k.condeferrable AS deferrable,
       k.condeferred AS deferred,
       k.confupdtype AS on_update,
       k.confdeltype AS on_delete,
       k.confmatchtype = 'f' AS match_full,
       k.conparentid <> 0 OR k.contype = 'c' AND k.coninhcount > 0 AS inherited,
       pg_get_constraintdef(k.oid) AS definition,
       obj_description(k.oid, 'pg_constraint') AS comment,
       pg_has_role(c.relowner, 'USAGE')
           AND (k.contype <> 'f' OR has_table_privilege(k.confrelid, 'REFERENCES')) AS may_restore
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN roots of_child ON of_child.oid = k.conrelid
  LEFT JOIN roots of_parent ON of_parent.oid = k.confrelid
  LEFT JOIN pg_class p ON p.oid = k.confrelid
  LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
 WHERE k.contype IN ('p', 'u', 'c', 'f', 'x')
   AND (of_child.oid IS NOT NULL OR of_parent.oid IS NOT NULL)
 ORDER BY k.oid
