-- Up Migration

-- People who log in or decide. `id` stands for the person wherever personal data may not go.
create table users (
  id uuid primary key,
  login text not null,
  -- The login as it is compared: NFC, case folded.
  login_key text not null unique,
  email text not null,
  name text not null,
  country text,
  region text,
  source text not null check (source in ('manual', 'ad', 'sis', 'profile')),
  status text not null default 'active' check (status in ('active', 'disabled')),
  -- Counts the changes of the row, from 1; the ETag.
  version bigint not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

create table groups (
  name text primary key,
  created_at timestamptz(3) not null default now()
);

-- Takes effect at once: whoever asks, asks this table.
create table group_members (
  group_name text not null references groups (name) on delete cascade,
  user_id uuid not null references users (id) on delete cascade,
  added_at timestamptz(3) not null default now(),
  primary key (group_name, user_id)
);
create index group_members_by_user on group_members (user_id, group_name);
