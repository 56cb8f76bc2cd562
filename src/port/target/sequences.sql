-- The sequences behind the columns of the schema's tables, each with every column anywhere that takes values from it:
-- identities ('i') and owners ('a') by what the sequence depends on, defaults by what they depend on.
WITH RECURSIVE family (root, oid) AS (
    SELECT c.relname, c.oid
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = :schema AND c.relkind IN ('r', 'p')
    UNION
    SELECT family.root, i.inhrelid FROM family JOIN pg_inherits i ON i.inhparent = family.oid
), roots (oid, names) AS (
    SELECT oid, json_agg(root) FROM family GROUP BY oid
), used (sequence, relation, attnum) AS (
    SELECT d.objid, d.refobjid, d.refobjsubid
      FROM pg_depend d
      JOIN pg_sequence s ON s.seqrelid = d.objid
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
       AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION
    SELECT d.refobjid, ad.adrelid, ad.adnum
      FROM pg_depend d
      JOIN pg_sequence s ON s.seqrelid = d.refobjid
      JOIN pg_attrdef ad ON ad.oid = d.objid
     WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
), users (sequence, list) AS (
    SELECT u.sequence,
           json_agg(json_build_object(
               'schema', u_n.nspname,
               'table', u_c.relname,
               'column', a.attname,
               'of', COALESCE(r.names, '[]'),
               'number', COALESCE(b.oid, t.oid) IN (20, 21, 23, 1700),
               'may_read', has_column_privilege(u.relation, u.attnum::smallint, 'SELECT'))
               ORDER BY u.relation, u.attnum)
      FROM used u
      JOIN pg_class u_c ON u_c.oid = u.relation
      JOIN pg_namespace u_n ON u_n.oid = u_c.relnamespace
      JOIN pg_attribute a ON a.attrelid = u.relation AND a.attnum = u.attnum
      JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_type b ON b.oid = NULLIF(t.typbasetype, 0)
      LEFT JOIN roots r ON r.oid = u.relation
     GROUP BY u.sequence
    HAVING bool_or(r.oid IS NOT NULL)
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
       users.list AS users
  FROM users
  JOIN pg_sequence s ON s.seqrelid = users.sequence
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY s.seqrelid
