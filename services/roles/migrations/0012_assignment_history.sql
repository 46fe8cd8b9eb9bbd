-- Who held what on a date: each gain and loss once more as a row, written with its role event.

create table assignment_history (
  directory_id uuid not null,
  -- Of the role event; generation 0 is what was held when the history began.
  generation integer not null,
  sequence bigint not null,
  user_id uuid not null,
  user_name text not null,
  role_key text not null,
  role_name text not null,
  held boolean not null,
  at timestamptz not null,
  reason jsonb not null,
  cause jsonb not null,
  constraint assignment_history_pkey primary key (directory_id, generation, sequence)
);

-- By user and role, the last word first: times of two sources need not be in order, events are.
create index assignment_history_held_idx on assignment_history
  (directory_id, user_id, role_key, generation desc, sequence desc);

insert into assignment_history (directory_id, generation, sequence, user_id, user_name, role_key,
  role_name, held, at, reason, cause)
select a.directory_id, 0,
  row_number() over (partition by a.directory_id order by a.user_id, a.role_key),
  a.user_id, coalesce(u.user_name, ''), a.role_key, r.name, true, a.since, a.reason, a.cause
from assignments as a
join roles as r on r.key = a.role_key
left join users as u on u.directory_id = a.directory_id and u.id = a.user_id;

-- The last role event that came before the history.
alter table directories add column history_from bigint not null default 0;

update directories as d set history_from = s.sequence
from directory_sequences as s where s.directory_id = d.id;
