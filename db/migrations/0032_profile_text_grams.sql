-- Up Migration

-- The same triples as before; of a long text in time that grows with it and not with its square, as
-- finding a place in a text does.
create or replace function profile_text_grams(
  title text, team text, cost_center text, worker_type text, office_location text
) returns text[]
language sql immutable parallel safe
return array(
  select distinct attribute || '=' || triple
    from (values ('title', title), ('team', team), ('cost_center', cost_center),
                 ('worker_type', worker_type), ('office_location', office_location)
         ) as texts (attribute, content)
   cross join lateral (
     select substr(content, place, 3) as triple
       from generate_series(1, length(content) - 2) as place
      where length(content) <= 500
     union all
     select letter || lead(letter, 1) over following || lead(letter, 2) over following
       from unnest(string_to_array(content, null)) with ordinality as letters (letter, place)
      where length(content) > 500
     window following as (order by place)
   ) as triples
   where triple is not null
);
