-- Read models: each topic feeds its own tables, joined when read; portal sees the views alone.

create table directories (
  id uuid constraint directories_pkey primary key,
  organization_id uuid not null,
  name text not null,
  provider text not null,
  created_at timestamptz not null
);

create index directories_organization_idx on directories (organization_id, created_at);

create table users (
  directory_id uuid not null,
  id uuid not null,
  user_name text not null,
  display_name text not null,
  email text,
  external_id text,
  active boolean not null,
  resource jsonb not null,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  constraint users_pkey primary key (directory_id, id)
) with (fillfactor = 90);

create index users_user_name_idx on users (directory_id, lower(user_name) text_pattern_ops, id);
create index users_display_name_idx on users (directory_id, lower(display_name) text_pattern_ops);
create index users_email_idx on users (directory_id, lower(email) text_pattern_ops);
create index users_updated_idx on users (directory_id, updated_at desc, id);

create table groups (
  directory_id uuid not null,
  id uuid not null,
  display_name text not null,
  external_id text,
  resource jsonb not null,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  constraint groups_pkey primary key (directory_id, id)
) with (fillfactor = 90);

create index groups_display_name_idx on groups (directory_id, lower(display_name) text_pattern_ops, id);

create table memberships (
  directory_id uuid not null,
  group_id uuid not null,
  user_id uuid not null,
  since timestamptz not null,
  constraint memberships_pkey primary key (directory_id, group_id, user_id)
);

create index memberships_user_idx on memberships (directory_id, user_id, group_id);

create table assignments (
  directory_id uuid not null,
  user_id uuid not null,
  role_key text not null,
  role_name text not null,
  reason jsonb not null,
  cause jsonb not null,
  valid_from timestamptz not null,
  valid_to timestamptz,
  sequence bigint not null,
  constraint assignments_pkey primary key (directory_id, user_id, role_key, sequence)
) with (fillfactor = 80);

-- One open assignment of a role to a user at most.
create unique index assignments_held_idx on assignments (directory_id, user_id, role_key)
  where valid_to is null;

create table mappings (
  directory_id uuid not null,
  group_id uuid not null,
  role_key text not null,
  role_name text not null,
  constraint mappings_pkey primary key (directory_id, group_id, role_key)
);

-- The log as it was read; `stored_at` says when this copy got it, by the database's clock.
create table events (
  directory_id uuid not null,
  topic text not null,
  generation integer not null,
  sequence bigint not null,
  id text not null,
  type text not null,
  subject text not null,
  time timestamptz not null,
  stored_at timestamptz not null default clock_timestamp(),
  user_id uuid,
  group_id uuid,
  cause jsonb not null,
  data jsonb not null,
  constraint events_pkey primary key (directory_id, topic, generation, sequence)
);

create index events_time_idx on events (directory_id, time desc);
create index events_user_idx on events (directory_id, user_id, time desc) where user_id is not null;
create index events_group_idx on events (directory_id, group_id, time desc)
  where group_id is not null;

create view portal_directories as
select d.id, d.organization_id, d.name, d.provider, d.created_at,
  (select count(*) from users as u
   where u.directory_id = d.id and u.deleted_at is null) as users,
  (select count(*) from users as u
   where u.directory_id = d.id and u.deleted_at is null and u.active) as active_users,
  (select count(*) from groups as g
   where g.directory_id = d.id and g.deleted_at is null) as groups,
  (select count(distinct m.group_id) from mappings as m where m.directory_id = d.id)
    as mapped_groups,
  (select max(e.time) from events as e where e.directory_id = d.id) as last_event_at
from directories as d;

create view portal_users as
select directory_id, id, user_name, display_name, email, active, external_id, resource, version,
  created_at, updated_at, deleted_at
from users;

create view portal_groups as
select g.directory_id, g.id, g.display_name, g.external_id,
  (select count(*) from memberships as m
   where m.directory_id = g.directory_id and m.group_id = g.id) as members,
  g.created_at, g.updated_at, g.deleted_at
from groups as g;

create view portal_memberships as
select directory_id, group_id, user_id, since from memberships;

-- The event tells which groups granted a role when it was assigned; since then the user may have
-- joined others or left some without losing it. A held role shows the groups that grant it now.
create view portal_assignments as
select a.directory_id, a.user_id, a.role_key, a.role_name, a.cause, a.valid_from, a.valid_to,
  case when a.valid_to is null and a.reason ->> 'kind' = 'group'
    then a.reason || coalesce(now_granting.groups, '{}') else a.reason end as reason
from assignments as a
left join lateral (
  select jsonb_build_object('groups', jsonb_agg(
    jsonb_build_object('id', g.id, 'externalId', g.external_id, 'displayName', g.display_name)
    order by g.display_name)) as groups
  from memberships as m
  join mappings as p on p.directory_id = m.directory_id and p.group_id = m.group_id
    and p.role_key = a.role_key
  join groups as g on g.directory_id = m.directory_id and g.id = m.group_id
  where m.directory_id = a.directory_id and m.user_id = a.user_id
  having count(*) > 0) as now_granting on true;

create view portal_mappings as
select directory_id, group_id, role_key, role_name from mappings;

create view portal_events as
select directory_id, topic, generation, sequence, id, type, subject, time, stored_at, user_id,
  group_id, cause, data
from events;

grant usage on schema projector to portal;
grant select on portal_directories, portal_users, portal_groups, portal_memberships,
  portal_assignments, portal_mappings, portal_events to portal;
