-- Up Migration

-- As text: a replay has the bytes of the first answer, the order of its members included.
alter table idempotency_keys
  alter column headers type json,
  alter column response type json;
