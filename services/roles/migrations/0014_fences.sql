-- Losses that look like a provider's mistake wait until somebody approves, and outlive a restart.

-- `assigned` and `holders` count what is assigned, null until they are counted first; `lasts` says
-- who lost a privileged role as its last holder.
create table fences (
  directory_id uuid constraint fences_pkey primary key
    constraint fences_directory_fkey references directories,
  is_on boolean not null default true,
  percent integer not null default 20,
  least integer not null default 10,
  window_s integer not null default 3600,
  assigned integer,
  waiting integer not null default 0,
  holders jsonb not null default '{}',
  lasts jsonb not null default '{}',
  window_began timestamptz,
  window_assigned integer,
  window_lost integer,
  raised_at timestamptz,
  judged text
) with (fillfactor = 50);

create index fences_waiting_idx on fences (directory_id) where waiting > 0;

-- Of an assignment whose loss waits: why, since when, whose it is, and its own reason.
alter table assignments add column waits jsonb;

create index assignments_waiting_idx on assignments (directory_id, user_id) where waits is not null;
