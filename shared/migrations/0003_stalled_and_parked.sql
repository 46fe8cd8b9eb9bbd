-- A gap stalls a directory until a snapshot opens; what parks is copied, tried again, and counted.

alter table directory_positions
  drop constraint directory_positions_state_check,
  add constraint directory_positions_state_check check (state in ('live', 'parked', 'stalled')),
  add column since timestamptz,
  add column seen_at timestamptz not null default now(),
  add column awaits_generation integer,
  add column awaits_sequence bigint,
  add column asked_at timestamptz;

update directory_positions set since = now() where state = 'parked';
update directory_positions set state = 'stalled' where state = 'parked' and reason like 'gap:%';

create index directory_positions_stopped_idx on directory_positions (topic, directory_id)
  where state <> 'live';

alter table parked_events add column attempts integer not null default 1;

-- Waiting to be copied to dead-letters.v1: a record that goes on meanwhile is copied all the same.
create table dead_letters (
  id bigint generated always as identity constraint dead_letters_pkey primary key,
  topic text not null,
  partition smallint not null,
  "offset" bigint not null,
  directory_id uuid not null,
  record bytea,
  reason text not null,
  attempt integer not null,
  parked_at timestamptz not null default clock_timestamp()
);

-- What operators did by hand; never changed, never deleted.
create table audit_records (
  id bigint generated always as identity constraint audit_records_pkey primary key,
  at timestamptz not null default now(),
  actor text not null,
  act text not null,
  directory_id uuid,
  facts jsonb not null
);
