-- Every view outside the system's schemas, one row of JSON each.
SELECT json_build_object(
  'schema', n.nspname,
  'name', c.relname,
  'materialized', c.relkind = 'm',
  'comment', obj_description(c.oid, 'pg_class'),
  'columns', (SELECT json_agg(a.attname ORDER BY a.attnum)
                FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'definition', pg_get_viewdef(c.oid, true))::text
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('v', 'm')
   AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend e
                    WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
 ORDER BY n.nspname, c.relname
