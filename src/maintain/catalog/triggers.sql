-- Every trigger outside the system's schemas, one row of JSON each; those that a partition has from its table are left out.
SELECT json_build_object(
  'schema', n.nspname,
  'table', c.relname,
  'name', t.tgname,
  'definition', pg_get_triggerdef(t.oid, true))::text
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT t.tgisinternal AND COALESCE((to_jsonb(t) ->> 'tgparentid')::oid, 0) = 0
   AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
 ORDER BY n.nspname, c.relname, t.tgname
