-- The columns of tables; of indexes those with an expression (its type), or whose operator class has options. User
-- objects begin at OID 16384, and to say so costs less than to join schemas; the rest is dropped on arrival.
SELECT a.attrelid,
       a.attnum,
       a.attname,
       a.atttypid,
       a.atttypmod,
       a.attnotnull,
       a.attcollation,
       array_to_string(a.attoptions, ', ')
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
 WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
   AND (c.relkind IN ('r', 'p')
        OR c.relkind IN ('i', 'I')
           AND (a.attoptions IS NOT NULL
                OR a.attrelid IN (SELECT x.indexrelid FROM pg_index x WHERE x.indexprs IS NOT NULL)))
