-- Sequences, each with a column that takes its numbers: the one that owns it (an identity's, or `OWNED BY`), else one
-- whose default asks it.
SELECT s.seqrelid,
       s.seqmax,
       s.seqmin,
       s.seqincrement,
       s.seqcycle,
       COALESCE(d.refobjid, u.adrelid),
       COALESCE(d.refobjsubid, u.adnum)
  FROM pg_sequence s
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid AND d.objsubid = 0
        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
  LEFT JOIN (SELECT DISTINCT ON (d.refobjid) d.refobjid, ad.adrelid, ad.adnum
               FROM pg_depend d
               JOIN pg_attrdef ad ON ad.oid = d.objid
              WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
              ORDER BY d.refobjid, ad.adrelid, ad.adnum) u ON u.refobjid = s.seqrelid AND d.objid IS NULL
 WHERE s.seqrelid >= 16384
