-- Inputs learned from directory events, the application's roles, mappings, and what follows.

create table directories (
  id uuid constraint directories_pkey primary key,
  organization_id uuid not null,
  name text not null,
  mapping_version integer not null default 0
) with (fillfactor = 50);

create table users (
  directory_id uuid not null,
  id uuid not null,
  user_name text not null,
  external_id text,
  active boolean not null,
  constraint users_pkey primary key (directory_id, id)
) with (fillfactor = 90);

create index users_user_name_idx on users (directory_id, lower(user_name));

create table groups (
  directory_id uuid not null,
  id uuid not null,
  display_name text not null,
  external_id text,
  deleted boolean not null default false,
  constraint groups_pkey primary key (directory_id, id)
);

-- No foreign keys: an edge may be known before its user, and counts once the user is.
create table memberships (
  directory_id uuid not null,
  group_id uuid not null,
  user_id uuid not null,
  constraint memberships_pkey primary key (directory_id, user_id, group_id)
);

create index memberships_group_idx on memberships (directory_id, group_id, user_id);

create table roles (
  key text constraint roles_pkey primary key,
  name text not null,
  description text not null,
  privileged boolean not null
);

create table mappings (
  directory_id uuid not null constraint mappings_directory_fkey references directories,
  group_id uuid not null,
  role_key text not null constraint mappings_role_fkey references roles,
  constraint mappings_pkey primary key (directory_id, group_id, role_key)
);

create table assignments (
  directory_id uuid not null,
  user_id uuid not null,
  role_key text not null constraint assignments_role_fkey references roles,
  reason jsonb not null,
  since timestamptz not null,
  cause jsonb not null,
  constraint assignments_pkey primary key (directory_id, user_id, role_key)
) with (fillfactor = 90);
