-- Every b-tree of the file, from dbstat: its pages, what of them is unused, and its cells. A table with rowids holds
-- its rows in its leaves alone; one without holds them in its inner pages, too (https://www.sqlite.org/fileformat2.html,
-- 1.6). The cells are counted for both.
SELECT s.name,
       sum(s.pgsize),
       sum(s.unused),
       sum(CASE WHEN s.pagetype = 'leaf' THEN s.ncell ELSE 0 END),
       sum(s.ncell)
  FROM dbstat('main') s
 GROUP BY s.name
