-- Up Migration

-- A school system and the SCIM service provider that it feeds. Secrets are kept apart.
create table roster_providers (
  id uuid primary key,
  tenant text not null,
  kind text not null check (kind in ('clever', 'classlink', 'oneroster')),
  -- As the API shows it, without secrets.
  settings jsonb not null,
  -- Counts changes of the settings.
  version integer not null default 1,
  created_at timestamptz(3) not null default clock_timestamp(),
  updated_at timestamptz(3) not null default clock_timestamp(),
  removed_at timestamptz(3),
  -- Where the next incremental run begins; null: only a full one will do.
  cursor text,
  cursor_at timestamptz(3),
  -- The newest full run that was applied, and the version of the settings that it followed.
  full_at timestamptz(3),
  full_version integer
);
create index roster_providers_by_tenant on roster_providers (tenant, created_at, id)
  where removed_at is null;

create table roster_runs (
  id uuid primary key,
  tenant text not null,
  provider_id uuid not null references roster_providers (id),
  mode text not null check (mode in ('full', 'incremental')),
  trigger text not null check (trigger in ('manual', 'schedule', 'webhook', 'upload')),
  -- What it is limited to; null: everything.
  selection jsonb,
  dry_run boolean not null default false,
  adds_only boolean not null default false,
  -- Goes on within a pause of the provider.
  is_forced boolean not null default false,
  -- The upload that it reads, where it reads one.
  upload_id uuid,
  state text not null default 'queued' check (state in ('queued', 'pulling', 'planning', 'held',
    'applying', 'succeeded', 'partial', 'failed', 'stopped', 'discarded')),
  counts jsonb not null default '{}',
  pages integer not null default 0,
  -- How often it began to read: a source that changes what it shows is read anew.
  pulls integer not null default 0,
  warnings integer not null default 0,
  -- Every rule of the guard as it was judged; null before.
  guard jsonb,
  plan_hash text,
  -- The version of the settings that the plan follows: after a change of them it holds no more.
  provider_version integer,
  approval_id uuid,
  error_code text,
  error_message text,
  -- Where an incremental pull began, and where the next one will.
  since text,
  baseline text,
  -- Somebody asked it to end.
  stop_requested_at timestamptz(3),
  -- It waits for the end of a pause.
  paused_until timestamptz(3),
  -- When it last came on: one that stands still has lost its workflow.
  seen_at timestamptz(3) not null default clock_timestamp(),
  -- Null for schedules, webhooks and uploads of nobody.
  started_by text,
  request_id text not null,
  created_at timestamptz(3) not null default clock_timestamp(),
  started_at timestamptz(3),
  ended_at timestamptz(3)
);
-- The one lock of a provider.
create unique index roster_runs_running on roster_runs (provider_id)
  where state in ('queued', 'pulling', 'planning', 'applying');
create index roster_runs_by_tenant on roster_runs (tenant, created_at desc, id desc);
create index roster_runs_by_provider on roster_runs (provider_id, created_at desc, id desc);

-- How far each stream of a run's pull has come: kept with the rows of the page, in one transaction.
create table roster_streams (
  run_id uuid not null references roster_runs (id) on delete cascade,
  stream text not null,
  cursor text,
  pages integer not null default 0,
  received bigint not null default 0,
  total bigint,
  revision text,
  is_done boolean not null default false,
  primary key (run_id, stream)
);

-- Records of which nothing could be taken, and writes that the target refused.
create table roster_errors (
  run_id uuid not null references roster_runs (id) on delete cascade,
  entity text not null,
  id text not null,
  code text not null,
  message text not null,
  attempts integer not null default 1,
  primary key (run_id, entity, id, code)
);

-- The roster as it was last applied: what the source said. Small collections whole.
create table roster_records (
  provider_id uuid not null references roster_providers (id),
  collection text not null check (collection in ('schools', 'terms', 'courses', 'sections')),
  id text not null,
  record jsonb not null,
  primary key (provider_id, collection, id)
);
create table roster_users (
  provider_id uuid not null references roster_providers (id),
  id text not null,
  -- A `RosterUser`.
  record jsonb not null,
  -- What it becomes at the target by the provider's rules, but for what depends on others.
  person jsonb not null default '{}',
  user_name text,
  is_wanted boolean not null default true,
  primary key (provider_id, id)
);
create table roster_enrollments (
  provider_id uuid not null references roster_providers (id),
  id text not null,
  user_id text not null,
  section_id text not null,
  role text not null,
  begin_date date,
  end_date date,
  -- The start of the run that first saw it.
  seen_at timestamptz(3) not null,
  primary key (provider_id, id)
);
create index roster_enrollments_by_section on roster_enrollments (provider_id, section_id);
create index roster_enrollments_by_user on roster_enrollments (provider_id, user_id);

-- What was last written to the target: people …
create table roster_accounts (
  provider_id uuid not null references roster_providers (id),
  -- The source's.
  id text not null,
  external_id text not null,
  scim_id text not null,
  -- A `ScimPerson`, as it was last accepted.
  person jsonb not null,
  is_active boolean not null,
  deactivated_at timestamptz(3),
  -- The schools by which the guard counts them, the main one first.
  school_ids text[] not null default '{}',
  -- Products, as the target was last told.
  entitlements text[] not null default '{}',
  primary key (provider_id, id)
);

-- … and groups with their members.
create table roster_groups (
  provider_id uuid not null references roster_providers (id),
  type text not null check (type in ('schools', 'sections')),
  id text not null,
  external_id text not null,
  scim_id text not null,
  display_name text not null,
  primary key (provider_id, type, id)
);
create table roster_members (
  provider_id uuid not null,
  type text not null,
  group_id text not null,
  user_id text not null,
  primary key (provider_id, type, group_id, user_id),
  foreign key (provider_id, type, group_id)
    references roster_groups (provider_id, type, id) on delete cascade
);
create index roster_members_by_user on roster_members (provider_id, user_id);

-- What a run does, in the order of its change set; exactly this is hashed, approved and applied.
create table roster_changes (
  run_id uuid not null references roster_runs (id) on delete cascade,
  change bigint not null,
  op text not null check (op in ('create', 'update', 'deactivate', 'delete', 'members')),
  type text not null check (type in ('users', 'schools', 'sections')),
  id text not null,
  before jsonb,
  after jsonb,
  state text not null default 'pending' check (state in ('pending', 'done', 'failed', 'left')),
  primary key (run_id, change)
);
create index roster_changes_pending on roster_changes (run_id, change) where state = 'pending';
-- Who leaves by a plan: what follows from that can be put off.
create index roster_changes_leavers on roster_changes (run_id, id)
  where type = 'users' and op = 'deactivate';
