-- Read models come in versions, a schema each; this one shows the live version, named by one row.

create table read_models (
  version integer constraint read_models_pkey primary key,
  state text not null constraint read_models_state_check check (state in
    ('preparing', 'filling', 'indexing', 'comparing', 'differing', 'current', 'failed', 'dropped')),
  reason text,
  actor text not null,
  switches boolean not null default false,
  accepts_loss boolean not null default false,
  indexes text[] not null default '{}',
  events bigint not null default 0,
  total bigint not null default 0,
  compared integer not null default 0,
  directories integer not null default 0,
  started_at timestamptz not null default now(),
  filled_at timestamptz,
  compared_at timestamptz,
  kept_since timestamptz,
  dropped_at timestamptz
);

-- One is made at a time.
create unique index read_models_made_idx on read_models ((true))
  where state in ('preparing', 'filling', 'indexing', 'comparing', 'differing');

-- Directories found equal in a version and the one that was live then.
create table compared_directories (
  version integer not null,
  directory_id uuid not null,
  constraint compared_directories_pkey primary key (version, directory_id)
);

-- What operators did by hand; never changed, never deleted.
create table if not exists audit_records (
  id bigint generated always as identity constraint audit_records_pkey primary key,
  at timestamptz not null default now(),
  actor text not null,
  act text not null,
  directory_id uuid,
  facts jsonb not null
);

-- The one row that decides what everybody sees.
create table live_read_model (
  only_one boolean not null default true
    constraint live_read_model_pkey primary key
    constraint live_read_model_only_one_check check (only_one),
  version integer not null constraint live_read_model_version_fkey references read_models
);

-- Everything in the schema of the live version is seen here under the same name.
create function show_read_model() returns trigger language plpgsql as $$
declare
  shown record;
begin
  for shown in
    select c.relname as name, n.nspname as schema,
      (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute as a
       where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace and n.nspname = 'rm_' || new.version
    where c.relkind in ('r', 'v') and not exists (
      select from pg_class as own
      where own.relnamespace = tg_table_schema::text::regnamespace and own.relname = c.relname
        and own.relkind = 'r')
    order by c.relname
  loop
    execute format('create or replace view %I.%I as select %s from %I.%I',
      tg_table_schema, shown.name, shown.columns, shown.schema, shown.name);
    if starts_with(shown.name, 'portal_') then
      execute format('grant select on %I.%I to portal', tg_table_schema, shown.name);
    end if;
  end loop;
  return null;
end $$;

create trigger live_read_model_shown after insert or update on live_read_model
  for each row execute function show_read_model();

-- What was here before there were versions becomes the first: tables and views move as they are.
-- A projector of the version before waits at its first statement, and goes on through the views.
do $$
declare
  moved record;
begin
  if not exists (select from pg_class
                 where relnamespace = current_schema()::text::regnamespace and relname = 'users') then
    return;
  end if;
  set local lock_timeout = '30s';
  lock table consumer_positions in access exclusive mode;
  create schema rm_1;
  create table rm_1.migrations (like migrations including all);
  insert into rm_1.migrations select * from migrations;
  for moved in
    select relname as name from pg_class
    where relnamespace = current_schema()::text::regnamespace and relkind in ('r', 'v')
      and relname not in ('migrations', 'read_models', 'compared_directories', 'live_read_model',
                          'audit_records')
  loop
    execute format('alter table %I set schema rm_1', moved.name);
  end loop;
  insert into read_models (version, state, actor) values (1, 'current', 'migration');
  insert into live_read_model (version) values (1);
end $$;
