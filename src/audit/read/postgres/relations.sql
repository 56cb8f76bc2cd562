-- Everything in pg_class outside the system's schemas and the temporary ones. TOAST tables live in pg_toast.
SELECT c.oid,
       n.nspname,
       c.relname,
       c.relkind,
       i.inhparent,
       c.reltuples::bigint,
       c.relpages,
       m.amname,
       array_to_string(c.reloptions, E'\n'),
       -- pg_depend's index leads with what is depended on, and extensions are few
       c.oid IN (SELECT d.objid FROM pg_depend d
                  WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_class'::regclass
                    AND d.deptype = 'e')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am m ON m.oid = c.relam
  -- a partition whose detachment is pending (PostgreSQL 14) is no longer scanned with its table
  LEFT JOIN pg_inherits i ON c.relispartition AND i.inhrelid = c.oid
        AND NOT COALESCE((to_jsonb(i) ->> 'inhdetachpending')::boolean, false)
 WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
