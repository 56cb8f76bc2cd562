-- The types of those columns, with what arrays and domains among them are made of.
WITH RECURSIVE used (oid) AS (
    SELECT a.atttypid
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT part.oid
      FROM used
      JOIN pg_type t ON t.oid = used.oid
     CROSS JOIN LATERAL (VALUES (t.typelem), (t.typbasetype)) part (oid)
     WHERE part.oid <> 0
)
SELECT t.oid::bigint AS oid,
       n.nspname AS schema,
       t.typname AS name,
       t.typtype AS kind,
       (SELECT e.oid::bigint FROM pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid) AS element,
       NULLIF(t.typbasetype, 0)::bigint AS base,
       t.typtypmod AS typmod,
       t.typnotnull AS not_null,
       t.typdefault AS expression,
       (SELECT json_agg(json_build_object('name', k.conname, 'expression', pg_get_expr(k.conbin, 0)) ORDER BY k.conname)
          FROM pg_constraint k
         WHERE k.contypid = t.oid AND k.contype = 'c') AS checks,
       (SELECT json_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid) AS labels
  FROM used
  JOIN pg_type t ON t.oid = used.oid
  JOIN pg_namespace n ON n.oid = t.typnamespace
