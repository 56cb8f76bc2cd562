-- The part of NULLs in columns that have some; a table's own after that of a table with its heirs. The view pg_stats
-- asks for every column whether it may be read; who may read the table beneath is spared that.
SELECT s.starelid, s.staattnum, s.stanullfrac
  FROM pg_statistic s
 WHERE s.stanullfrac > 0 AND s.starelid >= 16384
 ORDER BY s.stainherit DESC
