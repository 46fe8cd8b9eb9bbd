-- State and events commit together: the outbox, its counters, and who publishes which lane.

create table directory_sequences (
  directory_id uuid primary key,
  lane smallint not null,
  generation integer not null default 1,
  sequence bigint not null default 0
) with (fillfactor = 50);

create table outbox (
  lane smallint not null,
  id bigint generated always as identity,
  topic text not null,
  key text not null,
  directory_id uuid not null,
  generation integer not null,
  sequence bigint not null,
  tail bytea,
  created_at timestamptz not null default clock_timestamp(),
  primary key (lane, id)
) with (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0
);

create table relay_members (
  owner uuid primary key,
  seen_until timestamptz not null
);

create table relay_lanes (
  lane smallint primary key,
  owner uuid,
  epoch bigint not null default 0,
  lease_until timestamptz not null default '-infinity'
) with (fillfactor = 50);

create table relay_positions (
  directory_id uuid primary key,
  generation integer not null,
  sequence bigint not null
) with (fillfactor = 50);
