-- Up Migration

-- The lock of the process whose request has the key: nobody holds it once that process has died.
alter table idempotency_keys add column holder bigint;
