-- Up Migration

-- Finds the providers of a small jurisdiction; those of a large one come by name or update anyway.
create index providers_by_jurisdiction on providers using gin (jurisdictions);
