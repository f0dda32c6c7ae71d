-- Up Migration

-- SSNs live alone: encrypted, with a keyed hash for matching and the last four digits.
create table provider_ssns (
  compact text not null,
  ssn_hash bytea not null,
  provider_id uuid not null,
  ssn_cipher bytea not null,
  last_four char(4) not null,
  -- Which upload brought it, so that a chunk knows the rows that it made itself.
  upload_id uuid not null,
  upload_record bigint not null,
  primary key (compact, ssn_hash)
);
create unique index provider_ssns_provider on provider_ssns (provider_id);

create table licenses (
  provider_id uuid not null,
  compact text not null,
  jurisdiction text not null,
  -- The type's full name, exactly as the compact's configuration spells it.
  license_type text not null,
  npi text,
  license_number text,
  license_status text not null,
  license_status_name text,
  compact_eligibility text not null,
  given_name text not null,
  middle_name text,
  family_name text not null,
  suffix text,
  date_of_issuance date not null,
  date_of_renewal date,
  date_of_expiration date not null,
  date_of_birth date not null,
  home_address_street1 text not null,
  home_address_street2 text,
  home_address_city text not null,
  home_address_state text not null,
  home_address_postal_code text not null,
  email_address text,
  phone_number text,
  -- Case-folded, accents removed: what the summary takes over for searches.
  family_name_key text not null,
  given_name_key text not null,
  -- Keyed hash of the board-owned fields: equal means identical content.
  content_hash bytea not null,
  upload_id uuid not null,
  upload_record bigint not null,
  upload_sequence bigint not null,
  -- Marks that no upload touches.
  encumbrance_status text,
  investigation_status text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (provider_id, jurisdiction, license_type)
);

-- The summary: which license speaks for the provider, and the keys that searches use.
create table providers (
  provider_id uuid primary key,
  compact text not null,
  license_jurisdiction text not null,
  license_type text not null,
  family_name_key text not null collate "C",
  given_name_key text not null collate "C",
  jurisdictions text[] not null,
  home_jurisdiction text,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index providers_by_name
  on providers (compact, family_name_key, given_name_key, provider_id);
create index providers_by_update on providers (compact, updated_at, provider_id);

create table license_history (
  id bigint generated always as identity primary key,
  provider_id uuid not null,
  compact text not null,
  jurisdiction text not null,
  license_type text not null,
  update_type text not null check (update_type in ('deactivation', 'renewal', 'other')),
  previous jsonb not null,
  updated_values jsonb not null,
  removed_values text[] not null,
  effective_date timestamptz not null,
  upload_id uuid not null,
  actor text not null
);
create index license_history_by_provider on license_history (provider_id, id);

create table privileges (
  privilege_id text primary key,
  compact text not null,
  provider_id uuid not null,
  jurisdiction text not null,
  license_jurisdiction text not null,
  license_type text not null,
  date_of_issuance timestamptz not null,
  date_of_renewal timestamptz,
  date_of_expiration date not null,
  encumbrance_status text,
  -- Set in the transaction that deactivates the license it rests on.
  license_deactivated_at timestamptz
);
create index privileges_by_provider on privileges (provider_id, jurisdiction);

-- Who read a whole SSN and when: the limit counts these rows.
create table ssn_reads (
  id bigint generated always as identity primary key,
  principal text not null,
  provider_id uuid not null,
  read_at timestamptz not null default now()
);
create index ssn_reads_by_principal on ssn_reads (principal, read_at);

-- Rows of uploads in flight, each upload's in a table of its own (staging.license_<id>). Unlogged:
-- after a crash of the server rows and markers are gone together, and the run stages the file again.
create schema staging;
create unlogged table staging.chunks (
  upload_id uuid not null,
  chunk integer not null,
  primary key (upload_id, chunk)
);
-- Uploads whose duplicates were separated, so that their chunks may be applied.
create unlogged table staging.ready (
  upload_id uuid primary key
);
create unlogged table staging.duplicates (
  upload_id uuid not null,
  chunk integer not null,
  record bigint not null,
  first_line bigint not null,
  last_line bigint not null,
  byte_start bigint not null,
  byte_end bigint not null,
  license_type text not null,
  -- The record that won.
  first_record bigint not null,
  primary key (upload_id, chunk, record)
);
