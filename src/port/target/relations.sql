-- Everything in the schema that has columns. row_security_active() knows of owners, FORCE and BYPASSRLS.
SELECT c.oid::bigint AS oid,
       c.relname AS name,
       c.relkind AS kind,
       (SELECT p.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
         WHERE c.relispartition AND i.inhrelid = c.oid) AS partition_of,
       c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) AS has_heirs,
       c.relrowsecurity AS row_security,
       c.relforcerowsecurity AS row_security_forced,
       row_security_active(c.oid) AS row_security_active,
       pg_get_userbyid(c.relowner) AS owner,
       pg_has_role(c.relowner, 'USAGE') AS owned,
       has_table_privilege(c.oid, 'SELECT') AS may_select,
       has_table_privilege(c.oid, 'INSERT') AS may_insert,
       has_table_privilege(c.oid, 'UPDATE') AS may_update,
       has_table_privilege(c.oid, 'TRUNCATE') AS may_truncate
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
 ORDER BY c.oid
