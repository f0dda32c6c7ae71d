-- Up Migration

-- A pull of persons from a source: what it read, what it would do, what it did.
create table source_runs (
  id uuid primary key,
  source text not null,
  publisher text not null,
  mode text not null check (mode in ('full', 'incremental')),
  dry_run boolean not null,
  state text not null default 'queued' check (state in ('queued', 'reading', 'comparing', 'posting',
    'held', 'succeeded', 'partial', 'failed', 'discarded')),
  read integer not null default 0,
  created integer not null default 0,
  updated integer not null default 0,
  deactivated integer not null default 0,
  unchanged integer not null default 0,
  failed integer not null default 0,
  -- The guard's judgement, where it asked for a decision.
  hold jsonb,
  plan_hash text,
  approval_id uuid,
  error_code text,
  -- Where it begins and where the next incremental one does.
  since text,
  watermark text,
  started_by text not null,
  request_id text not null,
  created_at timestamptz(3) not null default now(),
  -- When the source was asked: what it said is as old.
  read_at timestamptz(3),
  ended_at timestamptz(3)
);
create unique index source_runs_running on source_runs (source)
  where state in ('queued', 'reading', 'comparing', 'posting');
create index source_runs_by_source on source_runs (source, created_at desc, id desc);
create index source_runs_by_end on source_runs (ended_at);

-- What the source said, until it is compared.
create table source_rows (
  run_id uuid not null references source_runs (id) on delete cascade,
  record integer not null,
  key text,
  contents jsonb,
  fault text,
  primary key (run_id, record)
);

-- What a run does, person by person, in order; a held one keeps exactly this. Contents are forgotten
-- once they are applied.
create table source_items (
  run_id uuid not null references source_runs (id) on delete cascade,
  item integer not null,
  -- The row that says so; null for a leaver.
  record integer,
  key text not null,
  user_id text,
  condition text not null check (condition in ('create', 'update', 'deactivate')),
  contents jsonb,
  state text not null default 'pending' check (state in ('pending', 'done', 'unchanged', 'failed')),
  code text,
  primary key (run_id, item)
);

-- Rows of which nothing could be taken.
create table source_failures (
  run_id uuid not null references source_runs (id) on delete cascade,
  record integer not null,
  key text,
  code text not null,
  primary key (run_id, record)
);

-- Who was seen by an applied run of the source: only they can leave by it.
create table source_people (
  source text not null,
  user_id text not null,
  primary key (source, user_id)
);
create index source_rows_by_key on source_rows (run_id, key);

-- Whom a run has seen, until it is applied.
create table source_seen (
  run_id uuid not null references source_runs (id) on delete cascade,
  user_id text not null,
  primary key (run_id, user_id)
);
