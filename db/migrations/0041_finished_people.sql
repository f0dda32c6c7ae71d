-- Up Migration

-- What is known of people is as their accounts are to be, with the name and the school's; in most
-- cases nothing else has to be worked out for them.
update roster_users u
set person = case when g.id is null
    then u.person || jsonb_build_object('userName', u.user_name)
    else u.person || jsonb_build_object('userName', u.user_name, 'enterprise',
      (u.person -> 'enterprise') || jsonb_build_object('division', g.record -> 'name')) end
from roster_users o
left join roster_records g on g.provider_id = o.provider_id and g.collection = 'schools'
  and g.id = o.record -> 'schoolIds' ->> 0
where u.provider_id = o.provider_id and u.id = o.id and u.user_name is not null;

comment on column roster_users.person is
  'A `ScimPerson` as the account is to be, where nobody else has the name';
