-- Of the domains that expressions cast to: those that take whatever their base takes.
WITH RECURSIVE chain (domain, type) AS (
    SELECT t.oid, t.oid FROM pg_type t WHERE t.oid = ANY (:domains::oid[]) AND t.typtype = 'd'
    UNION ALL
    SELECT chain.domain, t.typbasetype FROM chain JOIN pg_type t ON t.oid = chain.type WHERE t.typtype = 'd'
)
SELECT chain.domain
  FROM chain
  JOIN pg_type t ON t.oid = chain.type
 GROUP BY chain.domain
HAVING NOT bool_or(t.typnotnull OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = t.oid))
