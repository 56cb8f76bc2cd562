-- The operator families that have the turned-round operators to search by.
SELECT p.amopfamily, p.amopopr
  FROM pg_amop p
 WHERE p.amoppurpose = 's'
   AND p.amopopr IN (SELECT o.oprcom FROM pg_operator o WHERE o.oid = ANY (:operators::oid[]))
