-- Up Migration

-- How many people of a tenant may use a product, and who of them.
create table seat_pools (
  tenant text not null,
  product text not null,
  -- A `SeatPoolSettings`.
  settings jsonb not null,
  -- Active and releasing seats; whoever allocates holds this row's lock and writes what it counted.
  assigned integer not null default 0 check (assigned >= 0),
  -- Counts changes of the settings.
  version integer not null default 1,
  created_at timestamptz(3) not null default clock_timestamp(),
  updated_at timestamptz(3) not null default clock_timestamp(),
  primary key (tenant, product)
);

-- Who holds a seat, and who waits for one.
create table seats (
  tenant text not null,
  product text not null,
  provider_id uuid not null references roster_providers (id),
  -- The source's.
  user_id text not null,
  external_id text collate "C" not null,
  -- Of the enrollment that counts: whose reservation the seat is charged to.
  school text collate "C" not null,
  enrolled_at timestamptz(3) not null,
  priority integer not null,
  state text not null check (state in ('active', 'releasing', 'waiting')),
  granted_at timestamptz(3),
  -- When a seat that is being released ends.
  release_at timestamptz(3),
  -- Until when a seat beyond the limit lasts; of who waits: such a seat has ended then.
  over_until timestamptz(3),
  primary key (tenant, product, provider_id, user_id),
  foreign key (tenant, product) references seat_pools (tenant, product),
  check ((state = 'waiting') = (granted_at is null)),
  check ((state = 'releasing') = (release_at is not null))
);
create index seats_in_order on seats
  (tenant, product, (state = 'waiting'), priority, enrolled_at, external_id, provider_id, user_id);
create index seats_by_user on seats (provider_id, user_id);
