-- Up Migration

-- The user name of an account that has a temporary one while names change hands: `person` has that.
alter table roster_accounts add column parked_from text;
create index roster_accounts_parked on roster_accounts (provider_id, id)
  where parked_from is not null;

comment on column seats.over_until is
  'Of who waits by the policy grace: until when they may use the product all the same';
