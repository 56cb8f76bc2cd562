-- The columns of tables; of indexes those with an expression (its type, and whether its statistics have a target of their
-- own: the usual one is -1, and NULL since PostgreSQL 17), or whose operator class has options. User objects begin at
-- OID 16384, and to say so costs less than to join schemas; the rest is dropped on arrival.
SELECT a.attrelid,
       a.attnum,
       a.attname,
       a.atttypid,
       a.atttypmod,
       a.attnotnull,
       a.attcollation,
       CASE WHEN a.attoptions IS NOT NULL THEN array_to_string(a.attoptions, ', ') END,
       a.attstattarget >= 0
  FROM pg_attribute a
 WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
   AND (a.attrelid IN (SELECT c.oid FROM pg_class c WHERE c.relkind IN ('r', 'p'))
        OR a.attrelid IN (SELECT x.indexrelid FROM pg_index x WHERE x.indexprs IS NOT NULL)
        OR a.attoptions IS NOT NULL)
