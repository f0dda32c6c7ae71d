-- Up Migration

-- Secrets of connectors, by the names that the settings give them.
create table connector_secrets (
  name text primary key,
  value_cipher bytea not null,
  updated_at timestamptz(3) not null default clock_timestamp()
);
