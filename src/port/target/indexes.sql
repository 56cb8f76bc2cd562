-- The indexes of the schema's tables, those that keys are made of included. Of each term: its column (none where it is
-- an expression), and whether it goes downwards (the first bit of its options).
SELECT i.relname AS name,
       c.relname AS "table",
       x.indisunique AS "unique",
       x.indisvalid AND x.indisready AND x.indislive AS valid,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x')) AS of_constraint,
       am.amname AS method,
       (SELECT COALESCE(json_agg(json_build_object('column', a.attname, 'descending', x.indoption[nth] & 1 = 1)
                                 ORDER BY nth), '[]')
          FROM generate_series(0, x.indnkeyatts - 1) nth
          LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[nth]) AS terms,
       pg_get_expr(x.indpred, x.indrelid) AS predicate,
       pg_get_indexdef(i.oid) AS definition
  FROM pg_index x
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_class c ON c.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_am am ON am.oid = i.relam
 WHERE n.nspname = :schema AND c.relkind IN ('r', 'p')
 ORDER BY i.oid
