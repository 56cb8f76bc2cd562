-- {{name}}: what changes, and why.
--
-- The script runs statement by statement, each recorded as it is done. A run that stops half-way goes on from there;
-- what was executed must stay as it is. Liftlock's docs/migrations.md says more.

