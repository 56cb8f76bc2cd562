-- Collations that are in use.
SELECT c.oid, format('%I.%I', n.nspname, c.collname), c.collisdeterministic
  FROM pg_collation c
  JOIN pg_namespace n ON n.oid = c.collnamespace
 WHERE c.oid = ANY (:collations::oid[])
    OR c.oid IN (SELECT t.typcollation FROM pg_type t
                  WHERE t.oid = ANY (:types::oid[])
                     OR t.oid IN (SELECT o.oprright FROM pg_operator o WHERE o.oid = ANY (:operators::oid[])))
    OR c.oid = 100
