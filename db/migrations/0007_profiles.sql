-- Up Migration

-- The vault: one row per person, a tombstone once deleted. `id` stands for the person wherever personal
-- data may not go (workflow ids, logs, audit subjects).
create table profiles (
  id uuid primary key,
  user_id text not null unique,
  -- Of the document, for look-ups; null where the document has none.
  uuid text not null unique,
  primary_username text not null unique,
  primary_email text,
  active boolean,
  document jsonb not null,
  -- Counts the changes of this person, from 1; the ETag.
  version bigint not null,
  -- Of the change that made this version.
  serial bigint not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  deleted_at timestamptz(3)
);

-- Every committed change. Serials are taken under the person's row lock: one person's rise in order.
create sequence profile_serials;
create table profile_changes (
  serial bigint primary key,
  profile_id uuid not null,
  publisher text not null,
  condition text not null check (condition in ('create', 'update', 'delete')),
  -- Dotted names of the attributes that changed, `*` alone for a deletion.
  changed text[] not null,
  version bigint not null,
  before_hash bytea,
  after_hash bytea not null,
  actor text not null,
  request_id text not null,
  -- Names of the sinks that it is to reach, as configured when it was committed.
  sinks text[] not null,
  received_at timestamptz(3) not null,
  committed_at timestamptz(3) not null default clock_timestamp()
);
create index profile_changes_by_profile on profile_changes (profile_id, serial);
create index profile_changes_by_publisher on profile_changes (publisher, serial);

-- What became of a change at a sink; pending while there is no row, or the row says so.
create table change_deliveries (
  serial bigint not null,
  sink text not null,
  profile_id uuid not null,
  state text not null check (state in ('pending', 'succeeded', 'failed', 'superseded')),
  attempts integer not null default 0,
  error_code text,
  updated_at timestamptz(3) not null default clock_timestamp(),
  primary key (serial, sink)
);

-- The fence: the newest serial that is known to be at a sink, per person.
create table sink_deliveries (
  profile_id uuid not null,
  sink text not null,
  serial bigint not null,
  delivered_at timestamptz(3) not null default clock_timestamp(),
  primary key (profile_id, sink)
);
create index sink_deliveries_by_sink on sink_deliveries (sink, profile_id);
