-- Operator classes.
SELECT c.oid, n.nspname, c.opcname, c.opcfamily, c.opcintype, c.opcdefault, m.amname, t.typispreferred, t.typcategory
  FROM pg_opclass c
  JOIN pg_namespace n ON n.oid = c.opcnamespace
  JOIN pg_am m ON m.oid = c.opcmethod
  JOIN pg_type t ON t.oid = c.opcintype
