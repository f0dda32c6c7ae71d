-- Up Migration

-- Comparisons of what a provider's target holds with what was applied.
create table roster_reconciles (
  id uuid primary key,
  tenant text not null,
  provider_id uuid not null references roster_providers (id),
  repair boolean not null,
  state text not null default 'running' check (state in ('running', 'succeeded', 'failed')),
  compared integer not null default 0,
  missing integer not null default 0,
  differs integer not null default 0,
  inactive integer not null default 0,
  unexpected integer not null default 0,
  repaired integer not null default 0,
  failed integer not null default 0,
  -- Where the next page of the target begins; null once all were read.
  next_index integer default 1,
  -- Up to whom those on no page were looked at.
  after_id text,
  -- The fields that the target was seen to keep.
  kept text[] not null default '{}',
  -- It writes now: no run of the provider may begin.
  is_writing boolean not null default false,
  error_code text,
  started_by text not null,
  request_id text not null,
  started_at timestamptz(3) not null default clock_timestamp(),
  ended_at timestamptz(3)
);
create unique index roster_reconciles_running on roster_reconciles (provider_id)
  where state = 'running';
create index roster_reconciles_by_tenant on roster_reconciles (tenant, started_at desc, id desc);

-- Where the target differs, up to a limit: ids and names of fields, never what differs.
create table roster_drifts (
  reconcile_id uuid not null references roster_reconciles (id) on delete cascade,
  kind text not null check (kind in ('missing', 'differs', 'inactive', 'unexpected')),
  -- The source's; of an unexpected account, the target's.
  id text not null,
  fields text[] not null,
  outcome text not null check (outcome in ('found', 'repaired', 'failed', 'left')),
  code text,
  primary key (reconcile_id, kind, id)
);

-- Whom the pages have shown so far; forgotten at the end.
create table roster_reconcile_seen (
  reconcile_id uuid not null references roster_reconciles (id) on delete cascade,
  scim_id text not null,
  primary key (reconcile_id, scim_id)
);
