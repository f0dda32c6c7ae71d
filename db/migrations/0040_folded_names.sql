-- Up Migration

-- Keys of names fold runs of white space, plain names' as well.
update licenses set
    family_name_key = regexp_replace(family_name_key, '\s+', ' ', 'g'),
    given_name_key = regexp_replace(given_name_key, '\s+', ' ', 'g')
  where family_name_key ~ '\s\s' or given_name_key ~ '\s\s';
update providers set
    family_name_key = regexp_replace(family_name_key, '\s+', ' ', 'g'),
    given_name_key = regexp_replace(given_name_key, '\s+', ' ', 'g')
  where family_name_key ~ '\s\s' or given_name_key ~ '\s\s';
update license_rollback_items set
    family_name_key = regexp_replace(family_name_key, '\s+', ' ', 'g'),
    given_name_key = regexp_replace(given_name_key, '\s+', ' ', 'g')
  where family_name_key ~ '\s\s' or given_name_key ~ '\s\s';
