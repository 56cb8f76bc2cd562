-- Every table outside the system's schemas, one row of JSON each. Tables of extensions are theirs.
SELECT json_build_object(
  'schema', n.nspname,
  'name', c.relname,
  'kind', CASE WHEN c.relkind = 'p' THEN 'partitioned by ' || pg_get_partkeydef(c.oid)
               WHEN c.relkind = 'f' THEN 'foreign'
               WHEN c.relispartition THEN 'partition of ' || (SELECT i.inhparent::regclass::text FROM pg_inherits i
                                                               WHERE i.inhrelid = c.oid LIMIT 1)
               WHEN c.relpersistence = 'u' THEN 'unlogged' END,
  'is_partition', c.relispartition,
  'comment', obj_description(c.oid, 'pg_class'),
  'rowid', NULL,
  'columns', COALESCE((
    SELECT json_agg(json_build_object(
             'name', a.attname,
             'type', format_type(a.atttypid, a.atttypmod),
             'base', b.typname,
             'plain', t.typnamespace = 'pg_catalog'::regnamespace,
             'not_null', a.attnotnull,
             'default', pg_get_expr(d.adbin, d.adrelid),
             'generated', a.attgenerated <> '',
             'identity', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END,
             'comment', col_description(c.oid, a.attnum)) ORDER BY a.attnum)
      FROM pg_attribute a
      JOIN pg_type t ON t.oid = a.atttypid
      -- a domain over a domain has its own base; three deep is as far as this looks
      LEFT JOIN pg_type d1 ON t.typtype = 'd' AND d1.oid = t.typbasetype
      LEFT JOIN pg_type d2 ON d1.typtype = 'd' AND d2.oid = d1.typbasetype
      JOIN pg_type b ON b.oid = COALESCE(d2.oid, d1.oid, t.oid)
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'::json),
  'primary_key', COALESCE((
    SELECT json_agg(a.attname ORDER BY k.ord)
      FROM pg_constraint p, unnest(p.conkey) WITH ORDINALITY k (num, ord)
      JOIN pg_attribute a ON a.attnum = k.num AND a.attrelid = c.oid
     WHERE p.conrelid = c.oid AND p.contype = 'p'), '[]'::json),
  'uniques', COALESCE((
    SELECT json_agg((SELECT json_agg(a.attname ORDER BY k.ord)
                       FROM unnest(u.conkey) WITH ORDINALITY k (num, ord)
                       JOIN pg_attribute a ON a.attnum = k.num AND a.attrelid = c.oid) ORDER BY u.conname)
      FROM pg_constraint u WHERE u.conrelid = c.oid AND u.contype = 'u'), '[]'::json),
  'checks', COALESCE((
    SELECT json_agg(json_build_object('name', k.conname, 'expression', pg_get_expr(k.conbin, k.conrelid)) ORDER BY k.conname)
      FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c'), '[]'::json),
  'foreign_keys', COALESCE((
    SELECT json_agg(json_build_object(
             'name', f.conname,
             'columns', (SELECT json_agg(a.attname ORDER BY k.ord)
                           FROM unnest(f.conkey) WITH ORDINALITY k (num, ord)
                           JOIN pg_attribute a ON a.attnum = k.num AND a.attrelid = f.conrelid),
             'parent_schema', pn.nspname,
             'parent', pc.relname,
             'parent_columns', (SELECT json_agg(a.attname ORDER BY k.ord)
                                  FROM unnest(f.confkey) WITH ORDINALITY k (num, ord)
                                  JOIN pg_attribute a ON a.attnum = k.num AND a.attrelid = f.confrelid),
             'on_delete', CASE f.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'n' THEN 'SET NULL'
                                             WHEN 'd' THEN 'SET DEFAULT' ELSE 'CASCADE' END) ORDER BY f.conname)
      FROM pg_constraint f
      JOIN pg_class pc ON pc.oid = f.confrelid
      JOIN pg_namespace pn ON pn.oid = pc.relnamespace
     -- those that stand for a key of a partitioned table on its partitions are not anybody's own
     WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conparentid = 0), '[]'::json),
  'indexes', COALESCE((
    SELECT json_agg(json_build_object(
             'name', ic.relname,
             'unique', x.indisunique,
             'terms', (SELECT json_agg(pg_get_indexdef(x.indexrelid, g, true) ||
                                       CASE WHEN x.indoption[g - 1] & 1 = 1 THEN ' DESC' ELSE '' END ORDER BY g)
                         FROM generate_series(1, x.indnkeyatts) g),
             'predicate', pg_get_expr(x.indpred, x.indrelid),
             'definition', pg_get_indexdef(x.indexrelid)) ORDER BY ic.relname)
      FROM pg_index x
      JOIN pg_class ic ON ic.oid = x.indexrelid
     WHERE x.indrelid = c.oid
       AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = x.indexrelid AND o.contype IN ('p', 'u', 'x'))),
    '[]'::json))::text
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'f')
   AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend e
                    WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
 ORDER BY n.nspname, c.relname
