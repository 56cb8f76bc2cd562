-- The sequences behind the columns of the schema's tables, each with every column anywhere that takes values from it:
-- identities ('i') and owners ('a') by what the sequence depends on, defaults by what they depend on.
WITH RECURSIVE family (root, oid) AS (
    SELECT c.relname, c.oid
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = :schema AND c.relkind IN ('r', 'p')
    UNION
    SELECT family.root, i.inhrelid FROM family JOIN pg_inherits i ON i.inhparent = family.oid
), used (sequence, relation, attnum) AS (
    SELECT d.objid, d.refobjid, d.refobjsubid
      FROM pg_depend d
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
       AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION
    SELECT d.refobjid, ad.adrelid, ad.adnum
      FROM pg_depend d
      JOIN pg_attrdef ad ON ad.oid = d.objid
     WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
)
SELECT n.nspname AS schema,
       c.relname AS name,
       s.seqstart AS start,
       s.seqincrement AS increment,
       s.seqmin AS min,
       s.seqmax AS max,
       s.seqcycle AS cycle,
       has_sequence_privilege(c.oid, 'UPDATE') AS may_set,
       has_sequence_privilege(c.oid, 'SELECT') AS may_read,
       (SELECT json_agg(json_build_object(
                   'schema', u_n.nspname,
                   'table', u_c.relname,
                   'column', a.attname,
                   'of', COALESCE((SELECT json_agg(f.root) FROM family f WHERE f.oid = u.relation), '[]'),
                   'number', COALESCE(b.oid, t.oid) IN (20, 21, 23, 1700),
                   'may_read', has_column_privilege(u.relation, u.attnum::smallint, 'SELECT'))
                   ORDER BY u.relation, u.attnum)
          FROM used u
          JOIN pg_class u_c ON u_c.oid = u.relation
          JOIN pg_namespace u_n ON u_n.oid = u_c.relnamespace
          JOIN pg_attribute a ON a.attrelid = u.relation AND a.attnum = u.attnum
          JOIN pg_type t ON t.oid = a.atttypid
          LEFT JOIN pg_type b ON b.oid = NULLIF(t.typbasetype, 0)
         WHERE u.sequence = s.seqrelid) AS users
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE EXISTS (SELECT FROM used u JOIN family f ON f.oid = u.relation WHERE u.sequence = s.seqrelid)
 ORDER BY s.seqrelid
