-- Up Migration

alter table roster_runs
  -- The release of the product that read the source.
  add column release text,
  -- The day for which its plan was worked out; null: it took over what an earlier run had left.
  add column plan_day date,
  -- That run, where this one found everything as it had left it.
  add column settled_by uuid;

-- The full run of a provider after which its target holds what its source had: nothing failed and
-- nothing waits. Whoever writes to what a plan is worked out from voids it, whatever the reason.
create table roster_settled (
  provider_id uuid primary key references roster_providers (id),
  run_id uuid not null references roster_runs (id) on delete cascade
);

-- What that run has read, in blocks of entries that follow each other, by their digest. While its mark
-- holds, a block that reads the same again is known as a whole.
create table roster_blocks (
  provider_id uuid not null references roster_providers (id),
  digest uuid not null,
  collection text not null,
  ids text[] not null,
  primary key (provider_id, digest, collection)
);

-- Runs that are under way go on.
do $$
declare
  name text;
begin
  for name in
    select tablename from pg_tables
    where schemaname = 'staging' and tablename ~ '^roster_[0-9a-f]{32}_seen$'
  loop
    execute format(
      'create table if not exists staging.%I (digest uuid not null, collection text, ids text[])',
      left(name, length('roster_') + 32) || '_blocks');
  end loop;
end
$$;

create function void_roster_settled() returns trigger language plpgsql as $$
begin
  delete from roster_settled where provider_id in (select provider_id from written);
  return null;
end
$$;

do $$
declare
  name text;
begin
  foreach name in array array['roster_records', 'roster_users', 'roster_enrollments',
    'roster_accounts', 'roster_groups', 'roster_members']
  loop
    execute format('create trigger void_settled_by_insert after insert on %I
      referencing new table as written for each statement execute function void_roster_settled()',
      name);
    execute format('create trigger void_settled_by_update after update on %I
      referencing new table as written for each statement execute function void_roster_settled()',
      name);
    execute format('create trigger void_settled_by_delete after delete on %I
      referencing old table as written for each statement execute function void_roster_settled()',
      name);
  end loop;
end
$$;
