-- The offset that counts is a row in the same transaction as the effect; parked events keep order.

create table consumer_positions (
  topic text not null,
  partition smallint not null,
  next_offset bigint not null default 0,
  primary key (topic, partition)
) with (fillfactor = 50);

create table directory_positions (
  topic text not null,
  directory_id uuid not null,
  generation integer not null,
  sequence bigint not null,
  state text not null default 'live'
    constraint directory_positions_state_check check (state in ('live', 'parked')),
  reason text,
  primary key (topic, directory_id)
) with (fillfactor = 50);

create table parked_events (
  topic text not null,
  partition smallint not null,
  "offset" bigint not null,
  directory_id uuid not null,
  record bytea,
  reason text not null,
  parked_at timestamptz not null default clock_timestamp(),
  primary key (topic, partition, "offset")
);

create index parked_events_directory_idx on parked_events (topic, directory_id, "offset");
