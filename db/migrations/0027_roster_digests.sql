-- Up Migration

-- What a record of the base holds, in short: a record that a source sends again as it was is known by
-- it. Null: written before there were digests.
alter table roster_records add column digest uuid;
alter table roster_users add column digest uuid;
alter table roster_enrollments add column digest uuid;

-- Runs that are under way, or held, go on.
do $$
declare
  t record;
begin
  for t in
    select tablename as name from pg_tables
    where schemaname = 'staging' and tablename ~ '^roster_[0-9a-f]{32}_(records|users|enrollments)$'
  loop
    execute format('alter table staging.%I add column digest uuid', t.name);
    execute format(
      'create table if not exists staging.%I (
         collection text not null, sequence bigint not null, ids text[] not null)',
      left(t.name, length('roster_') + 32) || '_seen');
  end loop;
end
$$;

-- The version of the settings that last changed what is read, or what is to be of it at the target.
alter table roster_providers add column roster_version integer not null default 1;
update roster_providers set roster_version = version;
