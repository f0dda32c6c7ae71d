-- Up Migration

-- One row per effect: who, what, hashes before and after, and the cause. Append-only; writers never
-- wait for each other. `seq` orders the log; an aborted transaction leaves a gap.
create table audit_entries (
  seq bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  action text not null,
  subject_type text not null,
  subject_id text not null,
  before_hash bytea check (octet_length(before_hash) > 0),
  after_hash bytea check (octet_length(after_hash) > 0),
  -- Request, run, upload, approval: a flat object of strings and whole numbers.
  cause jsonb not null default '{}' check (jsonb_typeof(cause) = 'object')
);
create index audit_entries_by_subject on audit_entries (subject_id, subject_type, seq);

-- The digest that a seal keeps of an entry: SHA-256 of a JSON array that anybody can rebuild from
-- an export.
create function audit_digest(entry audit_entries) returns bytea
language sql stable parallel safe
return sha256(convert_to(json_build_array(
  entry.seq,
  to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  entry.actor,
  entry.action,
  entry.subject_type,
  entry.subject_id,
  encode(entry.before_hash, 'hex'),
  encode(entry.after_hash, 'hex'),
  entry.cause
)::text, 'UTF8'));

-- A seal speaks for every seq from from_seq to to_seq; together they cover 1, 2, 3 … without a gap.
create table audit_seals (
  number bigint primary key,
  from_seq bigint not null unique,
  to_seq bigint not null unique check (to_seq >= from_seq),
  entries integer not null,
  -- When it was sealed.
  at timestamptz not null,
  -- SHA-256 of the entries' whole digests in order.
  digest bytea not null,
  -- Per entry its seq (8 bytes) and the first 8 bytes of its digest: names the entry that was altered.
  leaves bytea not null,
  previous bytea not null,
  hash bytea not null,
  kid text not null,
  signature bytea not null
);

-- Public halves of the keys that signed seals, kept when their key has left the ring. Each is endorsed
-- by a signature of a ring key, so that a row slipped in here is not believed.
create table audit_keys (
  kid text primary key,
  public_key text not null,
  endorsed_by text not null,
  endorsement bytea not null,
  created_at timestamptz not null default now()
);
