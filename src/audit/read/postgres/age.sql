-- How long uses have been counted, in seconds.
SELECT extract(epoch FROM now() - s.stats_reset) FROM pg_stat_database s WHERE s.datname = current_database()
