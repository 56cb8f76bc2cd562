-- What must be unique, or exclude each other, in the schema's tables and in their partitions wherever they are: the
-- indexes of it, but for those that stem from an index of a partitioned table. Of each term: its SQL, the column where
-- it is one alone, the operator by which two rows meet, and whether that is by the bytes of the value.
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
SELECT i.relname AS name,
       COALESCE(k.contype, 'i') AS kind,
       n.nspname AS schema,
       c.relname AS "table",
       roots.names AS "of",
       am.amname AS method,
       COALESCE(k.condeferred, false) AS deferred,
       -- from PostgreSQL 15 on
       COALESCE((to_jsonb(x) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_equal,
       (SELECT COALESCE(json_agg(json_build_object(
                   'column', a.attname,
                   'sql', pg_get_indexdef(i.oid, nth + 1, false),
                   'collation', (SELECT format('%I.%I', o_n.nspname, o.collname)
                                   FROM pg_collation o
                                   JOIN pg_namespace o_n ON o_n.oid = o.collnamespace
                                  WHERE o.oid = x.indcollation[nth]),
                   'operator_class', format('%I.%I', opc_n.nspname, opc.opcname),
                   'operator', (SELECT format('OPERATOR(%I.%s)', o_n.nspname, o.oprname)
                                  FROM pg_operator o
                                  JOIN pg_namespace o_n ON o_n.oid = o.oprnamespace
                                 WHERE o.oid = COALESCE(k.conexclop[nth + 1],
                                                        (SELECT op.amopopr FROM pg_amop op
                                                          WHERE op.amopfamily = opc.opcfamily AND op.amopstrategy = 3
                                                            AND op.amoplefttype = opc.opcintype
                                                            AND op.amoprighttype = opc.opcintype
                                                            AND am.amname = 'btree'))),
                   'by_bytes', opc_n.nspname = 'pg_catalog'
                               AND COALESCE((SELECT o.collisdeterministic FROM pg_collation o
                                              WHERE o.oid = x.indcollation[nth]), true))
                   ORDER BY nth), '[]')
          FROM generate_series(0, x.indnkeyatts - 1) nth
          JOIN pg_opclass opc ON opc.oid = x.indclass[nth]
          JOIN pg_namespace opc_n ON opc_n.oid = opc.opcnamespace
          LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[nth]) AS terms,
       pg_get_expr(x.indpred, x.indrelid) AS predicate,
       COALESCE((SELECT json_agg(a.attname ORDER BY a.attnum)
                   FROM pg_attribute a
                  WHERE a.attrelid = x.indrelid AND a.attnum > 0
                    AND (EXISTS (SELECT FROM generate_series(0, x.indnkeyatts - 1) nth WHERE x.indkey[nth] = a.attnum)
                         -- what expressions and the predicate read
                         OR EXISTS (SELECT FROM pg_depend d
                                     WHERE d.classid = 'pg_class'::regclass AND d.objid = i.oid
                                       AND d.refclassid = 'pg_class'::regclass AND d.refobjid = x.indrelid
                                       AND d.refobjsubid = a.attnum))), '[]') AS columns
  FROM roots
  JOIN pg_index x ON x.indrelid = roots.oid
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_class c ON c.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_am am ON am.oid = i.relam
  LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x')
 WHERE (x.indisunique OR x.indisexclusion) AND x.indislive
   AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.oid)
 ORDER BY i.oid
