-- What a save or a snapshot brings about reaches a large directory in chunks, and outlives a crash.

-- Who comes behind `last_user` was not reached. `change` holds the mapping as it was saved: a later
-- one may be in `mappings` already, and everybody goes through all of them in order. Without groups
-- it concerns everybody.
create table rollouts (
  id bigint generated always as identity constraint rollouts_pkey primary key,
  directory_id uuid not null constraint rollouts_directory_fkey references directories,
  time timestamptz not null,
  cause jsonb not null,
  causation_id text,
  change jsonb not null,
  group_ids uuid[],
  begin_generation integer,
  begin_sequence bigint,
  restates boolean not null default false,
  last_user uuid,
  done integer not null default 0,
  total integer not null,
  started_at timestamptz not null default now(),
  advanced_at timestamptz not null default now()
) with (fillfactor = 50);

create index rollouts_directory_idx on rollouts (directory_id, id);

-- Whom an event touched before a rollout came to them: they went through all up to that one.
create table reached_users (
  directory_id uuid not null,
  user_id uuid not null,
  rollout_id bigint not null,
  constraint reached_users_pkey primary key (directory_id, user_id)
);

alter table directories add column unsettled boolean not null default false;

-- A role that goes once nobody holds it any more, as asked for: nothing may grant it until then.
alter table roles add column leaving jsonb;
