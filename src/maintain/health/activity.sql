-- What this role may see of other sessions; the columns of others' are NULL without pg_read_all_stats.
SELECT pg_has_role('pg_read_all_stats', 'USAGE');
-- connections used, of those that anybody but a superuser may have; and those of this database
SELECT CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE')
            THEN (SELECT count(*) FROM pg_stat_activity a WHERE a.backend_type = 'client backend')
            ELSE (SELECT sum(d.numbackends) FROM pg_stat_database d) END,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true)::int, 0),
       (SELECT s.numbackends FROM pg_stat_database s WHERE s.datname = current_database()),
       (SELECT nullif(d.datconnlimit, -1) FROM pg_database d WHERE d.datname = current_database());
-- transactions of this database, prepared ones among them: nobody is there to end those
SELECT a.pid, a.usename, a.application_name, a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start), a.query
  FROM pg_stat_activity a
 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
UNION ALL
SELECT NULL, p.owner, p.gid, 'prepared', extract(epoch FROM clock_timestamp() - p.prepared), NULL
  FROM pg_prepared_xacts p
 WHERE p.database = current_database()
 ORDER BY 5 DESC;
-- sessions that wait for a lock: when that began is told from PostgreSQL 14 on
SELECT l.pid, a.usename, a.application_name, a.state,
       extract(epoch FROM clock_timestamp() - coalesce(min((to_jsonb(l) ->> 'waitstart')::timestamptz), a.query_start)),
       a.query,
       array_to_string(pg_blocking_pids(l.pid), ' ')
  FROM pg_locks l
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE NOT l.granted AND a.datname = current_database()
 GROUP BY l.pid, a.usename, a.application_name, a.state, a.query_start, a.query
 ORDER BY 5 DESC NULLS LAST;
SELECT a.pid, a.usename, a.application_name, a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start), a.query
  FROM pg_stat_activity a
 WHERE a.pid IN (SELECT unnest(pg_blocking_pids(l.pid)) FROM pg_locks l WHERE NOT l.granted);
SELECT pg_database_size(current_database());
-- A replica says how far it is behind: by nothing if it receives, and has replayed all of that. Without a receiver it
-- is behind since the last transaction it replayed. NULL where that is not known.
SELECT pg_is_in_recovery(),
       CASE WHEN NOT pg_is_in_recovery() THEN NULL
            WHEN EXISTS (SELECT FROM pg_stat_wal_receiver) AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END;
-- What a replica reports has no lag where it has replayed everything; all but its name is hidden from most roles.
SELECT r.application_name, r.state,
       CASE WHEN r.replay_lsn >= CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
                                      ELSE pg_current_wal_lsn() END THEN 0
            ELSE extract(epoch FROM r.replay_lag) END
  FROM pg_stat_replication r
