-- Up Migration

-- Which failure of the effect was noted last: noted again, it undoes no retry.
alter table approvals add column failure_id text;
