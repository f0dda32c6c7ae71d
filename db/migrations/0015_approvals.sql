-- Up Migration

-- Versions of policy documents, never changed; version 0 is the product's own default.
create table approval_policies (
  type text not null,
  version integer not null check (version > 0),
  document jsonb not null,
  changed_by text not null,
  changed_at timestamptz(3) not null default now(),
  primary key (type, version)
);

-- The state of record of every approval; its workflow wakes at its times and brings its effect about.
create table approvals (
  id uuid primary key,
  type text not null,
  subject_type text not null,
  subject_id text not null,
  subject_hash text not null,
  -- What an approver may see of the subject; personal data.
  summary jsonb not null,
  -- Logins as given, and as they are compared.
  requester text,
  requester_key text,
  beneficiary text,
  beneficiary_key text,
  tenant text,
  state text not null check (state in (
    'open', 'info-requested', 'approved', 'applying', 'applied', 'apply-failed', 'denied', 'expired',
    'withdrawn', 'superseded', 'revoked'
  )),
  -- From 1.
  stage integer not null default 1,
  is_escalated boolean not null default false,
  -- As it was when the approval opened.
  policy jsonb not null,
  policy_version integer not null,
  -- [{kind, at, stage?, isSpent}], absolute times.
  timers jsonb not null,
  -- [{approve, deny, needed}] of the stages so far, as of their last vote.
  tallies jsonb not null default '[]',
  failure_code text,
  request_id text not null,
  -- Counts the changes of the row, from 1.
  version bigint not null default 1,
  opened_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  closed_at timestamptz(3),
  -- When the domain was told of an end that is not an approval.
  settled_at timestamptz(3),
  -- When its run has something to do at the latest; null when there is nothing any more.
  wake_at timestamptz(3),
  -- Who decides the present stage, and who may come to decide or look; from the policy, for lists.
  deciding_groups text[] not null,
  deciding_scope text,
  deciding_tenant text,
  fallback_group text,
  known_groups text[] not null,
  known_scopes text[] not null
);
-- One decision at a time about one subject.
create unique index approvals_pending on approvals (type, subject_type, subject_id)
  where state in ('open', 'info-requested');
create index approvals_inbox on approvals (expires_at, id) where state = 'open';
create index approvals_inbox_groups on approvals using gin (deciding_groups) where state = 'open';
create index approvals_wake on approvals (wake_at) where wake_at is not null;
create index approvals_order on approvals (opened_at desc, id desc);
create index approvals_by_requester on approvals (requester_key, opened_at desc);
create index approvals_by_beneficiary on approvals (beneficiary_key, opened_at desc);

-- Votes: written when they come in, judged under the lock of their approval. Refused ones count nothing.
create table approval_votes (
  approval_id uuid not null references approvals (id) on delete cascade,
  -- The Idempotency-Key of the request, or made up.
  id text not null,
  actor text not null,
  actor_key text not null,
  acting_for text,
  acting_for_key text,
  verdict text not null check (verdict in ('approve', 'deny')),
  reason text,
  subject_hash text not null,
  -- What the voter's token held of the policy's scopes, and its tenant.
  claims jsonb not null,
  via text not null check (via in ('api', 'signal')),
  request_id text not null,
  received_at timestamptz(3) not null default clock_timestamp(),
  -- Null until judged.
  outcome text check (outcome in ('taken', 'refused')),
  refusal text,
  stage integer,
  -- The order in which an approval's votes were taken.
  position integer,
  judged_at timestamptz(3),
  primary key (approval_id, id)
);
create unique index approval_votes_taken on approval_votes (approval_id, position)
  where outcome = 'taken';
create index approval_votes_unjudged on approval_votes (received_at) where outcome is null;

create table approval_delegations (
  id bigint generated always as identity primary key,
  approval_id uuid not null references approvals (id) on delete cascade,
  from_login text not null,
  from_key text not null,
  to_login text not null,
  to_key text not null,
  claims jsonb not null,
  since timestamptz(3) not null,
  until timestamptz(3) not null
);
create index approval_delegations_by_approval on approval_delegations (approval_id, id);
create index approval_delegations_by_delegate on approval_delegations (to_key, approval_id);

create table approval_history (
  approval_id uuid not null references approvals (id) on delete cascade,
  position bigint generated always as identity,
  at timestamptz(3) not null,
  event text not null,
  actor text,
  -- What people wrote (reasons, questions) and codes; personal data.
  detail jsonb,
  primary key (approval_id, position)
);

-- Whose turn it is, to be gathered into digests.
create table approval_notices (
  id bigint generated always as identity primary key,
  approval_id uuid not null references approvals (id) on delete cascade,
  reason text not null,
  groups text[] not null,
  at timestamptz(3) not null
);
create index approval_notices_by_age on approval_notices (at);

-- What an approver was told, and which notices that covers.
create table approval_digests (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  at timestamptz(3) not null default clock_timestamp(),
  last_notice bigint not null,
  -- [{approvalId, type, reasons, openedAt, expiresAt}]
  items jsonb not null
);
create index approval_digests_by_user on approval_digests (user_id, at desc);
