-- Takes the fifteen indexes away; no row changes.

DROP INDEX idx_checkpoints_project_id;
DROP INDEX idx_project_tasks_task_id;
DROP INDEX idx_project_tasks_project_id;
DROP INDEX idx_events_agent_id;
DROP INDEX idx_configurations_agent_id;
DROP INDEX idx_pull_requests_author_agent;
DROP INDEX idx_git_state_agent_id;
DROP INDEX idx_performance_metrics_task_id;
DROP INDEX idx_performance_metrics_agent_id;
DROP INDEX idx_memory_snapshots_session_id;
DROP INDEX idx_agent_messages_to_agent;
DROP INDEX idx_agent_messages_from_agent;
DROP INDEX idx_tasks_parent_task_id;
DROP INDEX idx_tasks_agent_id;
DROP INDEX idx_context_sessions_agent_id;
