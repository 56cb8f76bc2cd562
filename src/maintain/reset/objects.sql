-- What a reset drops, in the order in which it does: kind, name for people, statement. What belongs to an extension stays
-- with it; so do the schemas that names are looked for in, `public`, and those that an extension lives in.
WITH own AS (
  SELECT n.oid, n.nspname
    FROM pg_namespace n
   WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
     AND NOT EXISTS (SELECT FROM pg_depend e
                      WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e')
), kept AS (
  SELECT o.oid, o.nspname FROM own o
   WHERE o.nspname = 'public' OR o.nspname = ANY (current_schemas(false))
      OR EXISTS (SELECT FROM pg_extension x WHERE x.extnamespace = o.oid)
), members AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), objects (place, kind, name, statement) AS (
  SELECT 0, 'schema', quote_ident(o.nspname), format('DROP SCHEMA IF EXISTS %I CASCADE', o.nspname)
    FROM own o WHERE o.oid NOT IN (SELECT oid FROM kept)
  UNION ALL
  SELECT CASE c.relkind WHEN 'v' THEN 1 WHEN 'm' THEN 1 WHEN 'S' THEN 3 ELSE 2 END,
         CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
                        WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' ELSE 'table' END,
         format('%I.%I', k.nspname, c.relname),
         format('DROP %s IF EXISTS %I.%I CASCADE',
                CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                               WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, k.nspname, c.relname)
    FROM pg_class c JOIN kept k ON k.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
     AND NOT EXISTS (SELECT FROM members e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid)
     -- a sequence of a column goes with its table
     AND NOT (c.relkind = 'S' AND EXISTS (SELECT FROM pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
                  AND d.deptype IN ('a', 'i')))
  UNION ALL
  SELECT 4, CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' ELSE 'function' END,
         p.oid::regprocedure::text,
         format('DROP ROUTINE IF EXISTS %I.%I(%s) CASCADE', k.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
    FROM pg_proc p JOIN kept k ON k.oid = p.pronamespace
   WHERE NOT EXISTS (SELECT FROM members e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid)
     -- those that a range type brings along go with it
     AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
  UNION ALL
  SELECT 5, CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, format('%I.%I', k.nspname, t.typname),
         format('DROP %s IF EXISTS %I.%I CASCADE', CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, k.nspname, t.typname)
    FROM pg_type t JOIN kept k ON k.oid = t.typnamespace
    LEFT JOIN pg_class c ON c.oid = t.typrelid
   -- array types, the rows of tables, and a range's multirange go with what they are of
   WHERE (t.typrelid = 0 OR c.relkind = 'c') AND t.typtype <> 'm'
     AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
     AND NOT EXISTS (SELECT FROM members e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid)
  UNION ALL
  SELECT 6, 'operator', o.oid::regoperator::text,
         format('DROP OPERATOR IF EXISTS %I.%s(%s, %s) CASCADE', k.nspname, o.oprname,
                CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END,
                format_type(o.oprright, NULL))
    FROM pg_operator o JOIN kept k ON k.oid = o.oprnamespace
   WHERE NOT EXISTS (SELECT FROM members e WHERE e.classid = 'pg_operator'::regclass AND e.objid = o.oid)
  UNION ALL
  SELECT 7, 'operator family', format('%I.%I', k.nspname, f.opfname),
         format('DROP OPERATOR FAMILY IF EXISTS %I.%I USING %I CASCADE', k.nspname, f.opfname, m.amname)
    FROM pg_opfamily f JOIN kept k ON k.oid = f.opfnamespace JOIN pg_am m ON m.oid = f.opfmethod
   WHERE NOT EXISTS (SELECT FROM members e WHERE e.classid = 'pg_opfamily'::regclass AND e.objid = f.oid)
  UNION ALL
  SELECT 8, 'collation', format('%I.%I', k.nspname, c.collname), format('DROP COLLATION IF EXISTS %I.%I CASCADE', k.nspname, c.collname)
    FROM pg_collation c JOIN kept k ON k.oid = c.collnamespace
   WHERE NOT EXISTS (SELECT FROM members e WHERE e.classid = 'pg_collation'::regclass AND e.objid = c.oid)
  UNION ALL
  SELECT 9, 'text search configuration', format('%I.%I', k.nspname, c.cfgname),
         format('DROP TEXT SEARCH CONFIGURATION IF EXISTS %I.%I CASCADE', k.nspname, c.cfgname)
    FROM pg_ts_config c JOIN kept k ON k.oid = c.cfgnamespace
   WHERE NOT EXISTS (SELECT FROM members e WHERE e.classid = 'pg_ts_config'::regclass AND e.objid = c.oid)
  UNION ALL
  SELECT 10, 'text search dictionary', format('%I.%I', k.nspname, d.dictname),
         format('DROP TEXT SEARCH DICTIONARY IF EXISTS %I.%I CASCADE', k.nspname, d.dictname)
    FROM pg_ts_dict d JOIN kept k ON k.oid = d.dictnamespace
   WHERE NOT EXISTS (SELECT FROM members e WHERE e.classid = 'pg_ts_dict'::regclass AND e.objid = d.oid)
)
SELECT kind, name, statement FROM objects ORDER BY place, name
