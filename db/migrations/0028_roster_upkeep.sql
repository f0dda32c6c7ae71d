-- Up Migration

-- The user name of an account that has a temporary one while names change hands: `person` has that.
alter table roster_accounts add column parked_from text;
create index roster_accounts_parked on roster_accounts (provider_id, id)
  where parked_from is not null;

comment on column seats.over_until is
  'Of who waits by the policy grace: until when they may use the product all the same';

alter table roster_reconciles
  -- Somebody asked it to end.
  add column stop_requested_at timestamptz(3),
  drop constraint roster_reconciles_state_check,
  add constraint roster_reconciles_state_check
    check (state in ('running', 'succeeded', 'failed', 'stopped'));
