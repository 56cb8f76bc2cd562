-- Sequences with the columns that take their numbers: of identities, of `OWNED BY`, and of defaults that ask them.
SELECT DISTINCT sn.nspname,
       sc.relname,
       n.nspname,
       c.relname,
       a.attname,
       s.seqincrement,
       has_schema_privilege(sn.oid, 'USAGE') AND has_sequence_privilege(s.seqrelid, 'SELECT')
       AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT'),
       row_security_active(c.oid)
  FROM pg_sequence s
  JOIN pg_class sc ON sc.oid = s.seqrelid
  JOIN pg_namespace sn ON sn.oid = sc.relnamespace
  JOIN (SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS number
          FROM pg_depend d
         WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND d.refclassid = 'pg_class'::regclass
           AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
        UNION
        SELECT d.refobjid, ad.adrelid, ad.adnum
          FROM pg_depend d
          JOIN pg_attrdef ad ON ad.oid = d.objid
         WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass) u ON u.sequence = s.seqrelid
  JOIN pg_class c ON c.oid = u.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number AND NOT a.attisdropped
 WHERE c.relkind IN ('r', 'p') AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
   AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
   -- an import numbers its own books' rows; a port gives their columns sequences that nothing asks
   AND c.relname NOT LIKE 'liftlock\_import\_%'
 ORDER BY 1, 2, 3, 4, 5
