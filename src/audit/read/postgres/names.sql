-- Everything of the catalogs that is read and holds bytes beyond ASCII, these as \ooo: what it is, the OID, the text.
SELECT found.what, found.oid, found.written
  FROM (SELECT 'schema', n.oid, encode(convert_to(n.nspname::text, 'SQL_ASCII'), 'escape')
          FROM pg_namespace n
        UNION ALL
        SELECT CASE WHEN c.relkind IN ('r', 'p') THEN 'table' WHEN c.relkind IN ('i', 'I') THEN 'index'
                    WHEN c.relkind = 'S' THEN 'sequence' ELSE 'relation' END,
               c.oid, encode(convert_to(c.relname::text, 'SQL_ASCII'), 'escape')
          FROM pg_class c
        UNION ALL
        SELECT 'a column of the relation', a.attrelid, encode(convert_to(a.attname::text, 'SQL_ASCII'), 'escape')
          FROM pg_attribute a
         WHERE a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT 'constraint', k.oid, encode(convert_to(k.conname::text, 'SQL_ASCII'), 'escape')
          FROM pg_constraint k
        UNION ALL
        -- the types of rows and arrays are called as what they are made of
        SELECT 'type', t.oid, encode(convert_to(t.typname::text, 'SQL_ASCII'), 'escape')
          FROM pg_type t
         WHERE t.typrelid = 0 AND t.typelem = 0
        UNION ALL
        SELECT 'collation', l.oid, encode(convert_to(l.collname::text, 'SQL_ASCII'), 'escape')
          FROM pg_collation l
        UNION ALL
        SELECT 'operator class', o.oid, encode(convert_to(o.opcname::text, 'SQL_ASCII'), 'escape')
          FROM pg_opclass o
        UNION ALL
        SELECT 'an expression of the index', x.indexrelid,
               encode(convert_to(COALESCE(pg_get_expr(x.indexprs, x.indrelid), '') || ' '
                                 || COALESCE(pg_get_expr(x.indpred, x.indrelid), ''), 'SQL_ASCII'), 'escape')
          FROM pg_index x
         WHERE x.indexprs IS NOT NULL OR x.indpred IS NOT NULL
       ) found (what, oid, written)
 WHERE strpos(found.written, '\') > 0
