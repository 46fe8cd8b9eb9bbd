-- A directory that was deleted is still told of, behind those that live.

alter table directories add column deleted_at timestamptz;

create or replace view portal_directories as
select d.id, d.organization_id, d.name, d.provider, d.created_at,
  (select count(*) from users as u
   where u.directory_id = d.id and u.deleted_at is null) as users,
  (select count(*) from users as u
   where u.directory_id = d.id and u.deleted_at is null and u.active) as active_users,
  (select count(*) from groups as g
   where g.directory_id = d.id and g.deleted_at is null) as groups,
  (select count(distinct m.group_id) from mappings as m where m.directory_id = d.id)
    as mapped_groups,
  (select max(e.time) from events as e where e.directory_id = d.id) as last_event_at,
  d.deleted_at
from directories as d;
