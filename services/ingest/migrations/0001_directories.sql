-- Organizations, their directories and tokens, and each directory's users, groups, memberships.

create table organizations (
  id uuid constraint organizations_pkey primary key,
  name text not null constraint organizations_name_key unique,
  created_at timestamptz not null
);

create table directories (
  id uuid constraint directories_pkey primary key,
  organization_id uuid not null
    constraint directories_organization_fkey references organizations,
  name text not null,
  provider text not null,
  created_at timestamptz not null,
  last_request_at timestamptz
) with (fillfactor = 50);

create index directories_organization_idx on directories (organization_id, created_at);

create table tokens (
  id text constraint tokens_pkey primary key,
  directory_id uuid not null constraint tokens_directory_fkey references directories,
  label text not null,
  digest bytea not null,
  last_four text not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
) with (fillfactor = 50);

create index tokens_directory_idx on tokens (directory_id, created_at);

-- `name_key` is the folded userName or displayName: Python folds it, so that both sides agree.
create table users (
  directory_id uuid not null constraint users_directory_fkey references directories,
  id uuid not null,
  name_key text not null,
  external_id text,
  version bigint not null default 1,
  document jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint users_pkey primary key (directory_id, id),
  constraint users_name_key unique (directory_id, name_key)
) with (fillfactor = 90);

create index users_external_id_idx on users (directory_id, external_id);

create table groups (
  directory_id uuid not null constraint groups_directory_fkey references directories,
  id uuid not null,
  name_key text not null,
  external_id text,
  version bigint not null default 1,
  document jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint groups_pkey primary key (directory_id, id),
  constraint groups_name_key unique (directory_id, name_key)
) with (fillfactor = 90);

create index groups_external_id_idx on groups (directory_id, external_id);

create table memberships (
  directory_id uuid not null,
  group_id uuid not null,
  user_id uuid not null,
  constraint memberships_pkey primary key (directory_id, group_id, user_id),
  constraint memberships_group_fkey foreign key (directory_id, group_id) references groups,
  constraint memberships_user_fkey foreign key (directory_id, user_id) references users
);

create index memberships_user_idx on memberships (directory_id, user_id, group_id);
