-- A directory may be paused, and deleted for good; who did that, and when, is said everywhere.

alter table directories
  add column state text not null default 'live',
  add column state_since timestamptz,
  add column state_by text,
  add constraint directories_state_check check (
    state in ('live', 'paused', 'deleted')
    and (state = 'live' or state_since is not null and state_by is not null));
