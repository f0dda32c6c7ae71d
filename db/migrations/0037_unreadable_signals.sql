-- Up Migration

-- Which unreadable signal was noted last: noted again, it is not told twice.
alter table approvals add column unreadable_id text;
