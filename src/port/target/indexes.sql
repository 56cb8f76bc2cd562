-- The indexes of the schema's tables, those that keys are made of included.
SELECT i.relname AS name,
       c.relname AS "table",
       x.indisunique AS "unique",
       x.indisvalid AND x.indisready AND x.indislive AS valid,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x')) AS of_constraint,
       x.indnkeyatts::int AS terms,
       pg_get_expr(x.indpred, x.indrelid) AS predicate,
       pg_get_indexdef(i.oid) AS definition
  FROM pg_index x
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_class c ON c.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = :schema AND c.relkind IN ('r', 'p')
 ORDER BY i.oid
