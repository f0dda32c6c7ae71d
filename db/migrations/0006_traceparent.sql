-- Up Migration

-- The trace (W3C traceparent) of the request that queued the start; null while nothing is traced.
alter table workflow_starts add column traceparent text;
