-- Up Migration

-- A look at every signature in the vault: what it found, and what it signed anew.
create table signature_runs (
  id uuid primary key,
  renew boolean not null,
  state text not null default 'running' check (state in ('running', 'succeeded', 'failed')),
  persons integer not null default 0,
  current integer not null default 0,
  renewable integer not null default 0,
  renewed integer not null default 0,
  expired integer not null default 0,
  key_gone integer not null default 0,
  -- How far it is, so that a page that is done again is counted once.
  last_profile_id uuid,
  started_by text not null,
  started_at timestamptz(3) not null default now(),
  ended_at timestamptz(3)
);
create unique index signature_runs_running on signature_runs ((true)) where state = 'running';
create index signature_runs_by_start on signature_runs (started_at desc, id desc);

-- Signatures that nobody here can renew: persons by the vault's id, never what they sign.
create table signature_faults (
  run_id uuid not null references signature_runs (id) on delete cascade,
  profile_id uuid not null,
  attribute text not null,
  publisher text not null,
  reason text not null check (reason in ('expired', 'key_gone')),
  primary key (run_id, profile_id, attribute)
);
