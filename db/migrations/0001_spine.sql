-- Up Migration

-- Work accepted here and not yet taken by Temporal; a row is deleted once Temporal has it.
create table workflow_starts (
  id bigint generated always as identity primary key,
  workflow_id text not null,
  workflow_type text not null,
  task_queue text not null,
  -- Ids and hashes only, never personal data.
  input jsonb not null,
  -- With a signal: signal-with-start.
  signal_name text,
  signal_input jsonb,
  -- The static summary that operators see, the memo (request id) and search attributes.
  summary text not null,
  request_id text not null,
  search_attributes jsonb not null default '{}',
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  created_at timestamptz not null default now()
);
create index workflow_starts_due on workflow_starts (next_attempt_at, id);

create table idempotency_keys (
  principal text not null,
  route text not null,
  key text not null,
  body_hash bytea not null,
  -- Null while the first request is still running.
  status integer,
  headers jsonb,
  response jsonb,
  created_at timestamptz not null default now(),
  primary key (principal, route, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);

-- Long-lived keys wrapped by the key ring, so that rotating the ring changes no keyed hash.
create table data_keys (
  purpose text primary key,
  wrapping_key_id text not null,
  wrapped bytea not null,
  created_at timestamptz not null default now()
);

-- CloudEvents to be delivered by the webhook sender, in the transaction of their cause.
create table events (
  id uuid primary key,
  type text not null,
  subject text not null,
  data jsonb not null,
  request_id text not null,
  occurred_at timestamptz not null default now()
);
create index events_order on events (occurred_at, id);
