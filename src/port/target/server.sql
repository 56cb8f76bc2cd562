-- What the server and the database are, and who we are there. One row.
SELECT current_setting('server_version_num')::int AS version,
       pg_encoding_to_char(d.encoding) AS encoding,
       d.datcollate AS collation,
       EXISTS (SELECT FROM pg_settings s
                WHERE s.name = 'default_toast_compression' AND 'lz4' = ANY (s.enumvals)) AS lz4,
       r.rolname AS role,
       r.rolsuper AS superuser,
       r.rolsuper OR r.rolbypassrls AS bypasses_row_security,
       n.oid IS NOT NULL AS schema_exists,
       COALESCE(has_schema_privilege(n.oid, 'CREATE'), false) AS may_create,
       COALESCE(has_schema_privilege(n.oid, 'USAGE'), true) AS may_use,
       has_database_privilege(d.oid, 'TEMPORARY') AS may_make_temporary,
       has_database_privilege(d.oid, 'CREATE') AS may_make_schemas,
       d.datname AS database,
       current_setting('transaction_read_only')::boolean AS read_only,
       pg_is_in_recovery() AS standby
  FROM pg_database d
  JOIN pg_roles r ON r.rolname = current_user
  LEFT JOIN pg_namespace n ON n.nspname = :schema
 WHERE d.datname = current_database()
