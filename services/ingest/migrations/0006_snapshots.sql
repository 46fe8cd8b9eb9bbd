-- A directory can be told again from the start while it changes; one such telling runs at a time.

create table snapshots (
  id uuid constraint snapshots_pkey primary key,
  directory_id uuid not null constraint snapshots_directory_fkey references directories,
  actor text not null,
  generation integer not null default 0,
  begin_sequence bigint not null default 0,
  part text not null default 'users'
    constraint snapshots_part_check check (part in ('users', 'groups', 'memberships')),
  last_id uuid not null default '00000000-0000-0000-0000-000000000000',
  last_user_id uuid not null default '00000000-0000-0000-0000-000000000000',
  written bigint not null default 0,
  total bigint not null,
  started_at timestamptz not null,
  advanced_at timestamptz not null default now(),
  finished_at timestamptz
) with (fillfactor = 50);

create unique index snapshots_running_idx on snapshots (directory_id) where finished_at is null;
create index snapshots_directory_idx on snapshots (directory_id, started_at);
