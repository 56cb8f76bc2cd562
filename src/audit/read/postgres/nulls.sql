-- The part of NULLs in columns that have some; a table's own after that of a table with its heirs. The view asks for
-- every column whether it may be read; who may read the table beneath is spared that.
SELECT s.relation, s.attnum, s.null_frac
  FROM (SELECT s.starelid AS relation, s.staattnum AS attnum, s.stanullfrac AS null_frac, s.stainherit AS inherited
          FROM pg_statistic s
         WHERE s.stanullfrac > 0 AND s.starelid >= 16384) s
 ORDER BY s.inherited DESC
