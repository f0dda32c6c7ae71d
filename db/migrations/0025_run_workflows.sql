-- Up Migration

-- The run in Temporal that does it; null where its id is made of this one.
alter table source_runs add column workflow_id text;
alter table signature_runs add column workflow_id text;
