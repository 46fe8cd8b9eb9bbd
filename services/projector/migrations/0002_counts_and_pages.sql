-- Lists of the portal: members counted as they come and go, pages in order; ready for a restore.

create table member_counts (
  directory_id uuid not null,
  group_id uuid not null,
  members bigint not null,
  constraint member_counts_pkey primary key (directory_id, group_id)
) with (fillfactor = 50);

insert into member_counts (directory_id, group_id, members)
select directory_id, group_id, count(*) from memberships group by directory_id, group_id;

create or replace view portal_groups as
select g.directory_id, g.id, g.display_name, g.external_id,
  coalesce(c.members, 0) as members, g.created_at, g.updated_at, g.deleted_at
from groups as g
left join member_counts as c on c.directory_id = g.directory_id and c.group_id = g.id;

-- text_pattern_ops finds prefixes under any collation, and gives no order; pages need their own.
create index users_page_idx on users (directory_id, lower(user_name), id) where deleted_at is null;
create index groups_page_idx on groups (directory_id, lower(display_name), id)
  where deleted_at is null;

-- Both columns in one direction, so that a page can start behind a pair of them.
drop index users_updated_idx;
create index users_updated_idx on users (directory_id, updated_at, id);

-- After a restore of its source a directory counts from 1 again, in another generation.
alter table assignments add column generation integer not null default 1;
alter table assignments alter column generation drop default;
alter table assignments drop constraint assignments_pkey;
alter table assignments add constraint assignments_pkey
  primary key (directory_id, user_id, role_key, generation, sequence);
