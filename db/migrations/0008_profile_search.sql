-- Up Migration

-- What persons are listed and searched by stands beside the document, so that no search opens one.

-- `<attribute>=<content>`; a long content is cut and marked by its hash, as index entries have a limit.
create function profile_fact(attribute text, content text) returns text
language sql immutable parallel safe
return attribute || '=' || case
  when length(content) <= 200 then content
  else left(content, 160) || '#' || md5(content)
end;

-- A fact for each group of the person and for each staff attribute that is set.
create function profile_facts(document jsonb) returns text[]
language sql immutable parallel safe
return array(
  select profile_fact('access_information.' || publisher.name, grp.name)
    from (values ('ldap', document #> '{access_information,ldap,values}'),
                 ('mozilliansorg', document #> '{access_information,mozilliansorg,values}')
         ) as publisher (name, groups),
         jsonb_object_keys(case jsonb_typeof(groups) when 'object' then groups else '{}' end)
           as grp (name)
  union all
  select profile_fact('staff_information.' || key, value ->> 'value')
    from jsonb_each(document -> 'staff_information')
   where value ->> 'value' is not null
);

-- Every three characters in a row of a text, marked with whose they are: what a part of a text is
-- found by.
create function profile_text_grams(
  title text, team text, cost_center text, worker_type text, office_location text
) returns text[]
language sql immutable parallel safe
return array(
  select distinct attribute || '=' || substr(content, place, 3)
    from (values ('title', title), ('team', team), ('cost_center', cost_center),
                 ('worker_type', worker_type), ('office_location', office_location)
         ) as texts (attribute, content),
         generate_series(1, length(content) - 2) as place
);

alter table profiles
  -- How the person logs in: what stands before the id proper in `user_id`.
  add column connection text not null generated always as (
    case split_part(user_id, '|', 1)
      when 'oauth2' then 'oauth2|' || split_part(user_id, '|', 2)
      else split_part(user_id, '|', 1)
    end
  ) stored,
  add column facts text[] not null generated always as (profile_facts(document)) stored,
  add column staff_title text generated always as
    (document #>> '{staff_information,title,value}') stored,
  add column staff_team text generated always as
    (document #>> '{staff_information,team,value}') stored,
  add column staff_cost_center text generated always as
    (document #>> '{staff_information,cost_center,value}') stored,
  add column staff_worker_type text generated always as
    (document #>> '{staff_information,worker_type,value}') stored,
  add column staff_office_location text generated always as
    (document #>> '{staff_information,office_location,value}') stored;

-- Of any length, which a tree's entries could not be.
create index profiles_by_primary_email on profiles using hash (lower(primary_email));
create index profiles_by_active on profiles (active, id) where deleted_at is null;
create index profiles_by_connection on profiles (connection, id) where deleted_at is null;
create index profiles_by_connection_and_active on profiles (connection, active, id)
  where deleted_at is null;
create index profiles_by_fact on profiles using gin (facts);
create index profiles_by_text on profiles using gin (profile_text_grams(
  staff_title, staff_team, staff_cost_center, staff_worker_type, staff_office_location));
