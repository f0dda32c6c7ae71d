-- Up Migration

-- Groups are compared after people: first those on the target's pages, then those on none.
alter table roster_reconciles
  add column phase text not null default 'people'
    check (phase in ('people', 'lost-people', 'groups', 'lost-groups')),
  -- Groups that were compared; the other counts are of people and groups.
  add column groups integer not null default 0;
update roster_reconciles set phase = 'lost-people' where next_index is null;

-- An unexpected group may be a school or a section.
alter table roster_drifts
  add column type text not null default 'users'
    check (type in ('users', 'schools', 'sections', 'groups')),
  drop constraint roster_drifts_pkey,
  add primary key (reconcile_id, type, kind, id);
alter table roster_reconcile_seen
  add column is_group boolean not null default false,
  drop constraint roster_reconcile_seen_pkey,
  add primary key (reconcile_id, is_group, scim_id);
