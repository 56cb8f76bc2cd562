-- The operators by which foreign keys compare, with what turns them round, and what they take on their right.
SELECT o.oid, o.oprcom, o.oprright FROM pg_operator o WHERE o.oid = ANY (:operators::oid[])
