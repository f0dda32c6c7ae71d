-- Up Migration

-- Deliveries that are open for a new lifetime, and those that a person's next delivery settles.
alter table change_deliveries add column redriven_at timestamptz(3);
create index change_deliveries_pending on change_deliveries (profile_id, sink, serial)
  where state = 'pending';

-- Sinks that an operator holds back; their changes wait.
create table paused_sinks (
  sink text primary key,
  paused_by text not null,
  paused_at timestamptz(3) not null default now()
);

-- Changes that did not reach a sink and are not tried any more, until somebody asks for it.
create table dead_letters (
  id uuid primary key default gen_random_uuid(),
  sink text not null,
  profile_id uuid not null,
  serial bigint not null,
  code text not null,
  attempts integer not null,
  at timestamptz(3) not null default clock_timestamp(),
  unique (sink, serial)
);
create index dead_letters_by_sink on dead_letters (sink, at, id);

-- A comparison of a sink with the vault.
create table sink_reconciles (
  id uuid primary key,
  sink text not null,
  repair boolean not null,
  state text not null default 'running' check (state in ('running', 'succeeded', 'failed')),
  same bigint not null default 0,
  different bigint not null default 0,
  missing bigint not null default 0,
  extra bigint not null default 0,
  failed bigint not null default 0,
  -- How far it is, so that a page that is done again is counted once.
  last_profile_id uuid,
  started_by text not null,
  started_at timestamptz(3) not null default now(),
  ended_at timestamptz(3)
);
create unique index sink_reconciles_running on sink_reconciles (sink) where state = 'running';
create index sink_reconciles_by_sink on sink_reconciles (sink, started_at desc);

-- Where a sink differs: persons by the vault's id, never what differs.
create table sink_drifts (
  reconcile_id uuid not null references sink_reconciles (id) on delete cascade,
  profile_id uuid not null,
  kind text not null check (kind in ('different', 'missing', 'extra', 'failed')),
  primary key (reconcile_id, profile_id)
);
