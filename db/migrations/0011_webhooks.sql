-- Up Migration

-- Where events are sent: sinks of kind webhook, subscriptions of callers, and the mailboxes of
-- boards. Address and secret of a sink are in the settings alone.
create table webhook_endpoints (
  id uuid primary key,
  kind text not null check (kind in ('sink', 'subscription', 'mail')),
  -- Of a sink: its name in the settings.
  name text unique,
  -- Of a sink: the digest of its address; another address begins anew.
  address_hash bytea,
  -- Of a subscription, from here to the secrets: issuer and subject of who made it.
  owner text,
  url text,
  -- Patterns of types of events.
  events text[],
  -- Attributes of persons; null for all.
  attributes text[],
  -- Scopes and tenant of the token that subscribed: what it may hear of.
  scopes text[],
  tenant text,
  -- The signing secret, and those before it that still sign.
  secrets_cipher bytea,
  state text not null default 'active' check (state in ('active', 'disabled')),
  disabled_reason text check (disabled_reason in ('gone', 'failing')),
  -- The first failure since the last success.
  failing_since timestamptz(3),
  -- True from when its sender was woken until that looks.
  awake boolean not null default false,
  version bigint not null default 1,
  created_at timestamptz(3) not null default clock_timestamp(),
  check ((kind = 'sink') = (name is not null)),
  check ((kind = 'subscription') = (secrets_cipher is not null and owner is not null))
);
create index webhook_endpoints_by_owner on webhook_endpoints (owner, created_at, id);
create index webhook_endpoints_subscribed on webhook_endpoints (id)
  where kind = 'subscription' and state = 'active';
-- There is one way to send mail.
create unique index webhook_endpoints_mail on webhook_endpoints (kind) where kind = 'mail';

-- What is sent to an endpoint: its queue, and what became of it.
create table webhook_deliveries (
  -- The `webhook-id`.
  id uuid primary key,
  endpoint_id uuid not null references webhook_endpoints (id) on delete cascade,
  -- The order in which they were queued.
  position bigint not null generated always as identity,
  type text not null,
  -- Of a person: theirs are sent in order, one at a time.
  profile_id uuid,
  serial bigint,
  -- Of an event: never twice in one queue.
  event_id uuid,
  request_id text not null,
  -- The bytes that are signed, the same in every attempt.
  body text not null,
  state text not null default 'pending'
    check (state in ('pending', 'succeeded', 'failed', 'superseded')),
  attempts integer not null default 0,
  error_code text,
  next_attempt_at timestamptz(3) not null default clock_timestamp(),
  -- Under way until then, at the latest.
  claimed_until timestamptz(3),
  created_at timestamptz(3) not null default clock_timestamp(),
  settled_at timestamptz(3),
  unique (endpoint_id, event_id)
);
create index webhook_deliveries_due on webhook_deliveries (endpoint_id, next_attempt_at, position)
  where state = 'pending';
create index webhook_deliveries_of_person on webhook_deliveries (profile_id, endpoint_id, position)
  where profile_id is not null;
create index webhook_deliveries_by_endpoint on webhook_deliveries (endpoint_id, position);
create index webhook_deliveries_settled on webhook_deliveries (settled_at)
  where settled_at is not null;

-- What happened before there was anybody to be told stays untold.
alter table events add column relayed_at timestamptz(3);
update events set relayed_at = clock_timestamp();
create index events_unrelayed on events (occurred_at, id) where relayed_at is null;
drop index events_order;
create index events_relayed on events (relayed_at) where relayed_at is not null;

-- Of a webhook, the delivery that died; of an event there is neither a person nor a change.
alter table dead_letters
  alter column profile_id drop not null,
  alter column serial drop not null,
  add column delivery_id uuid unique references webhook_deliveries (id) on delete cascade;
