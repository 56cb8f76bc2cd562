-- What indexes are over, or have rows of, as SQL: asked of one index for all that say the same.
SELECT asked.nth - 1,
       CASE WHEN asked.predicate THEN pg_get_expr(x.indpred, x.indrelid) ELSE pg_get_expr(x.indexprs, x.indrelid) END
  FROM unnest(:written_of::oid[], :predicates::boolean[]) WITH ORDINALITY asked (index, predicate, nth)
  JOIN pg_index x ON x.indexrelid = asked.index
