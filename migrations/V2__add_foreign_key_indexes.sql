-- An index for each of the fifteen foreign keys of migration 1. Without it, deleting a row (or changing its key)
-- makes the database read every row of each table that points to it. The same SQL serves both dialects.
--
-- memory_snapshots.file_path has none: it names a file, not a row.
--
-- A PostgreSQL database that must take writes meanwhile would build each with CREATE INDEX CONCURRENTLY, in a
-- migration that runs outside a transaction; these tables are young enough to be locked for a moment.

CREATE INDEX idx_context_sessions_agent_id ON context_sessions (agent_id);
CREATE INDEX idx_tasks_agent_id ON tasks (agent_id);
CREATE INDEX idx_tasks_parent_task_id ON tasks (parent_task_id);
CREATE INDEX idx_agent_messages_from_agent ON agent_messages (from_agent);
CREATE INDEX idx_agent_messages_to_agent ON agent_messages (to_agent);
CREATE INDEX idx_memory_snapshots_session_id ON memory_snapshots (session_id);
CREATE INDEX idx_performance_metrics_agent_id ON performance_metrics (agent_id);
CREATE INDEX idx_performance_metrics_task_id ON performance_metrics (task_id);
CREATE INDEX idx_git_state_agent_id ON git_state (agent_id);
CREATE INDEX idx_pull_requests_author_agent ON pull_requests (author_agent);
CREATE INDEX idx_configurations_agent_id ON configurations (agent_id);
CREATE INDEX idx_events_agent_id ON events (agent_id);
CREATE INDEX idx_project_tasks_project_id ON project_tasks (project_id);
CREATE INDEX idx_project_tasks_task_id ON project_tasks (task_id);
CREATE INDEX idx_checkpoints_project_id ON checkpoints (project_id);
