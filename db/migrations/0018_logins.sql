-- Up Migration

-- Passwords of people, and how far their registration is; the row goes with the person.
create table logins (
  user_id uuid primary key references users (id) on delete cascade,
  -- Argon2id, as a PHC string. It leaves this table only to be verified.
  password_hash text not null,
  -- What the effect of the registration has made of it.
  state text not null check (state in ('pending', 'approved', 'rejected', 'expired', 'revoked')),
  requested_at timestamptz(3) not null,
  -- A login as given.
  approved_by text,
  approved_at timestamptz(3),
  -- The registration that the row is about: what comes of another one leaves it alone.
  approval_id uuid not null references approvals (id),
  version bigint not null default 1
);
create index logins_by_approval on logins (approval_id);

-- Failed authentications of the last minutes. Keyed hashes: people type passwords where logins belong.
create table authentication_failures (
  id bigint generated always as identity primary key,
  login_hash bytea not null,
  -- Of the end user's address, where the front end told it.
  address_hash bytea,
  at timestamptz(3) not null default clock_timestamp()
);
create index authentication_failures_by_login on authentication_failures (login_hash, at);
create index authentication_failures_by_address on authentication_failures (address_hash, at)
  where address_hash is not null;
create index authentication_failures_by_age on authentication_failures (at);
