-- Keys with their indexes, foreign keys that people declared, and whatever is NOT VALID. Foreign keys with a parent
-- among constraints are those that PostgreSQL makes for partitions of either side.
SELECT k.conrelid,
       k.conname,
       k.contype,
       k.conindid,
       k.convalidated,
       k.condeferrable,
       k.condeferred,
       k.confrelid,
       array_to_string(k.conkey, ' '),
       array_to_string(k.confkey, ' '),
       array_to_string(k.conpfeqop, ' '),
       k.confupdtype,
       k.confdeltype,
       k.confmatchtype,
       :delete_columns
  FROM pg_constraint k
 WHERE k.conrelid <> 0
   AND (k.contype IN ('p', 'u', 'x')
        OR k.contype = 'f' AND k.conparentid = 0 AND :enforced
        OR k.contype <> 'f' AND NOT k.convalidated AND :enforced)
 ORDER BY k.conrelid, k.conname
