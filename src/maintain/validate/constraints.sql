-- CHECKs and foreign keys that people declared. Foreign keys with a parent among constraints are those that PostgreSQL
-- makes for partitions of either side. Tables of extensions are theirs.
SELECT n.nspname,
       c.relname,
       k.conname,
       k.contype,
       k.convalidated,
       pg_get_expr(k.conbin, k.conrelid),
       k.confmatchtype,
       pn.nspname,
       p.relname,
       c.relkind,
       p.relkind,
       (SELECT string_agg(quote_ident(a.attname), E'\n' ORDER BY u.place)
          FROM unnest(k.conkey) WITH ORDINALITY u (number, place)
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number),
       (SELECT string_agg(quote_ident(a.attname), E'\n' ORDER BY u.place)
          FROM unnest(k.confkey) WITH ORDINALITY u (number, place)
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number),
       (SELECT string_agg(format('OPERATOR(%I.%s)', o_n.nspname, o.oprname), E'\n' ORDER BY u.place)
          FROM unnest(k.conpfeqop) WITH ORDINALITY u (operator, place)
          JOIN pg_operator o ON o.oid = u.operator
          JOIN pg_namespace o_n ON o_n.oid = o.oprnamespace),
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
       AND (p.oid IS NULL OR has_schema_privilege(pn.oid, 'USAGE') AND has_table_privilege(p.oid, 'SELECT')),
       row_security_active(c.oid) OR p.oid IS NOT NULL AND row_security_active(p.oid)
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_class p ON p.oid = k.confrelid AND k.contype = 'f'
  LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
 WHERE (k.contype = 'c' AND c.relkind = 'r' OR k.contype = 'f' AND k.conparentid = 0)
   AND c.relkind IN ('r', 'p') AND :enforced
   AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
 ORDER BY 1, 2, 3
