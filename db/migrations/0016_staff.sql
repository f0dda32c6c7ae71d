-- Up Migration

-- A staff user, by the subject of their tokens. Once deleted the row stays without their data: their
-- tokens must open nothing any more.
create table staff_users (
  user_id text primary key,
  email text,
  -- By which users match when they are created.
  email_folded text unique,
  given_name text,
  family_name text,
  version bigint not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  deleted_at timestamptz(3)
);

-- What they may do, one record per compact.
create table staff_records (
  user_id text not null references staff_users (user_id),
  compact text not null,
  -- {actions: [...], jurisdictions: {code: [...]}}; judged again whenever it is read.
  permissions jsonb not null,
  status text not null default 'active' check (status in ('active', 'inactive')),
  primary key (user_id, compact)
);
create index staff_records_by_compact on staff_records (compact, user_id);
