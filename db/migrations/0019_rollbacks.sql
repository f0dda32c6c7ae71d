-- Up Migration

-- Where a license's content came from before a change: what a rollback gives back with it.
alter table license_history
  add column previous_upload_id uuid,
  add column previous_record bigint,
  add column previous_sequence bigint,
  -- When a license that was removed had been created.
  add column previous_created_at timestamptz;
alter table license_history drop constraint license_history_update_type_check;
alter table license_history add constraint license_history_update_type_check
  check (update_type in ('deactivation', 'renewal', 'other', 'rollback'));
-- The changes of one run lie together: they are found by their time, at no cost to whoever writes.
create index license_history_by_time on license_history using brin (effective_date)
  with (pages_per_range = 32);

-- Runs that take back what an upload did, or what another such run did.
create table license_rollbacks (
  id uuid primary key,
  compact text not null,
  jurisdiction text not null,
  tenant text,
  target_kind text not null check (target_kind in ('upload', 'rollback')),
  target_id uuid not null,
  -- A dry run ends as `planned`.
  dry_run boolean not null,
  reason text,
  state text not null check (state in (
    'planning', 'planned', 'awaiting-approval', 'applying', 'applied', 'failed', 'denied', 'expired',
    'withdrawn', 'superseded'
  )),
  failure_code text,
  requested_by text not null,
  request_id text not null,
  traceparent text,
  approval_id uuid,
  -- SHA-256 of the whole plan: what is approved.
  plan_hash bytea,
  -- What the plan says; of a run that was applied, what was done.
  restored bigint not null default 0,
  removed bigint not null default 0,
  recreated bigint not null default 0,
  kept bigint not null default 0,
  created_at timestamptz(3) not null default now(),
  planned_at timestamptz,
  -- From then on uploads of the jurisdiction look at every license again before they write.
  applying_at timestamptz,
  finished_at timestamptz
);
-- One at a time for what is taken back.
create unique index license_rollbacks_open on license_rollbacks (target_id)
  where not dry_run and state in ('planning', 'awaiting-approval', 'applying');
create index license_rollbacks_by_place on license_rollbacks (compact, jurisdiction, created_at, id);

-- What is to become of each license; content is personal data, as in `licenses`.
create table license_rollback_items (
  rollback_id uuid not null references license_rollbacks (id) on delete cascade,
  position bigint not null,
  provider_id uuid not null,
  license_type text not null,
  action text not null check (action in ('restore', 'remove', 'recreate', 'keep')),
  -- Why it is kept.
  reason text check (reason in ('changed-since', 'marked', 'privilege', 'registered')),
  -- The license as it has to be for the plan to hold: null where there has to be none.
  expected_hash bytea,
  expected_upload_id uuid,
  -- What it becomes, by field; null for one that goes, and once the run is over.
  content jsonb,
  family_name_key text,
  given_name_key text,
  content_hash bytea,
  source_upload_id uuid,
  source_record bigint,
  source_sequence bigint,
  source_created_at timestamptz,
  -- A restored license is deactivated by it, or active again.
  turns text check (turns in ('off', 'on')),
  -- Whose privileges were marked at this time get their mark taken away.
  deactivated_at timestamptz,
  -- Null until it was done, or was kept after all.
  outcome text check (outcome in ('done', 'kept')),
  primary key (rollback_id, position)
);
create index license_rollback_items_left on license_rollback_items (rollback_id, position)
  where outcome is null;
