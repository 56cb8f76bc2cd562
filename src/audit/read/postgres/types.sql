-- Types as columns have them, each with the base that a domain has in the end.
WITH RECURSIVE used (type, typmod) AS (
    SELECT * FROM unnest(:types::oid[], :typmods::int[])
), chain (type, base) AS (
    SELECT DISTINCT used.type, used.type FROM used
    UNION
    SELECT o.oprright, o.oprright FROM pg_operator o WHERE o.oid = ANY (:operators::oid[])
    UNION ALL
    SELECT chain.type, t.typbasetype FROM chain JOIN pg_type t ON t.oid = chain.base WHERE t.typtype = 'd'
)
SELECT chain.type,
       chain.base,
       b.typtype,
       b.typcollation,
       t.typcollation,
       b.typcategory,
       format_type(chain.type, -1),
       (SELECT string_agg(used.typmod || ' ' || format_type(used.type, used.typmod), E'\n')
          FROM used WHERE used.type = chain.type)
  FROM chain
  JOIN pg_type t ON t.oid = chain.type
  JOIN pg_type b ON b.oid = chain.base
 WHERE b.typtype <> 'd'
