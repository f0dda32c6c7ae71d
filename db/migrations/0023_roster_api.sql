-- Up Migration

alter table roster_providers
  -- Nothing starts by itself while it is.
  add column is_paused boolean not null default false,
  -- A webhook asked for a run that could not start at once.
  add column wake_at timestamptz(3),
  -- Starts of schedules and webhooks that fell into a pause.
  add column skipped_starts integer not null default 0;
create index roster_providers_waking on roster_providers (wake_at)
  where wake_at is not null and removed_at is null;

-- Of the workflow that added the run by itself: a schedule's.
alter table roster_runs add column workflow_id text;

-- Who may wake a tenant's providers.
create table roster_webhooks (
  tenant text primary key,
  -- A JSON list of signing secrets.
  secrets_cipher bytea not null,
  -- Canonical CIDRs; null: every address.
  ip_allowlist text[],
  version integer not null default 1,
  updated_at timestamptz(3) not null default clock_timestamp()
);

-- OneRoster CSV archives, each kept until the run that reads it has ended.
create table roster_uploads (
  id uuid primary key,
  tenant text not null,
  provider_id uuid not null references roster_providers (id),
  size_bytes bigint not null,
  created_by text not null,
  created_at timestamptz(3) not null default clock_timestamp(),
  -- When the archive was removed.
  removed_at timestamptz(3)
);
create index roster_uploads_with_file on roster_uploads (created_at) where removed_at is null;

-- Messages that were taken: a repeat of one wakes nobody.
create table roster_webhook_messages (
  tenant text not null,
  -- SHA-256 of the sender's id.
  id_hash bytea not null,
  received_at timestamptz(3) not null default clock_timestamp(),
  primary key (tenant, id_hash)
);
create index roster_webhook_messages_by_age on roster_webhook_messages (received_at);

-- What belongs to a tenant says so in its cause.
create index audit_entries_by_tenant on audit_entries ((cause ->> 'tenant'), seq)
  where (cause ->> 'tenant') is not null;
