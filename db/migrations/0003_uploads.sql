-- Up Migration

-- One row per upload of any kind; the closing counts are written when it ends.
create table uploads (
  id uuid primary key,
  kind text not null,
  compact text not null,
  jurisdiction text not null,
  -- The tenant claim of whoever started it, if the token had one.
  tenant text,
  state text not null check (
    state in ('awaiting-file', 'received', 'validating', 'ingesting', 'completed', 'failed', 'cancelled')
  ),
  created_by text not null,
  request_id text not null,
  -- Where the file is in the blob store; null for records that were posted.
  blob_key text,
  size_bytes bigint,
  sha256 bytea,
  -- Order of receipt within (compact, jurisdiction); taken when the file is wholly received.
  sequence bigint,
  -- The columns of the header, in the file's order.
  columns jsonb,
  -- Faults of the whole file: [{code, message, line?, byte?}].
  file_faults jsonb not null default '[]',
  -- Why a run failed that is not the file's fault.
  failure_code text,
  -- True when every chunk's place in the file is known.
  indexed boolean not null default false,
  indexed_bytes bigint not null default 0,
  records bigint not null default 0,
  accepted bigint not null default 0,
  rejected bigint not null default 0,
  duplicates bigint not null default 0,
  created bigint not null default 0,
  updated bigint not null default 0,
  unchanged bigint not null default 0,
  stale bigint not null default 0,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz,
  received_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  cancel_requested_at timestamptz,
  cancel_requested_by text,
  -- When the file was removed, and when the bytes of refused rows were.
  blob_removed_at timestamptz,
  rows_forgotten_at timestamptz,
  version bigint not null default 1
);
create index uploads_open on uploads (compact, jurisdiction, sequence)
  where state in ('received', 'validating', 'ingesting');
create index uploads_by_place on uploads (compact, jurisdiction, created_at, id);
-- Forms that nobody used, and files that outlived their run.
create index uploads_awaiting on uploads (expires_at) where state = 'awaiting-file';
create index uploads_with_file on uploads (finished_at)
  where blob_key is not null and blob_removed_at is null and finished_at is not null;
create index uploads_with_rows on uploads (finished_at)
  where rows_forgotten_at is null and finished_at is not null;

create table upload_sequences (
  compact text not null,
  jurisdiction text not null,
  last bigint not null,
  primary key (compact, jurisdiction)
);

-- A byte range [byte_start, byte_end) of the file on record boundaries, and what became of it.
create table upload_chunks (
  upload_id uuid not null references uploads (id) on delete cascade,
  chunk integer not null,
  byte_start bigint not null,
  byte_end bigint not null,
  -- Physical line and record number of the chunk's first record, from 1.
  first_line bigint not null,
  first_record bigint not null,
  records integer,
  rejected integer,
  staged_at timestamptz,
  accepted integer,
  duplicates integer,
  created integer,
  updated integer,
  unchanged integer,
  stale integer,
  applied_at timestamptz,
  primary key (upload_id, chunk)
);

-- The records of a POST until the run has ended: one encrypted document.
create table upload_payloads (
  upload_id uuid primary key references uploads (id) on delete cascade,
  ciphertext bytea not null
);

-- Everything that is to be said of a row: refused ones, duplicates, warnings.
create table upload_faults (
  upload_id uuid not null references uploads (id) on delete cascade,
  record bigint not null,
  kind text not null check (kind in ('rejected', 'duplicate', 'warning')),
  chunk integer not null,
  first_line bigint not null,
  last_line bigint not null,
  -- {field: [{message, code}]}; `_row` for the whole row. Never a cell's value.
  errors jsonb not null,
  -- The row's own bytes, encrypted; null once their retention has ended.
  row_cipher bytea,
  primary key (upload_id, record, kind)
);

create table upload_digests (
  upload_id uuid primary key references uploads (id) on delete cascade,
  digest jsonb not null,
  created_at timestamptz not null default now()
);
