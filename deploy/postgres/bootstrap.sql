-- Run once a database by a superuser, any number of times: a role for each service, and its schema.
-- A new role has no password, so nobody gets in by it before one is set.

do $$
declare
  service text;
begin
  -- Roles belong to the server: two databases may be prepared at the same time.
  perform pg_advisory_xact_lock(hashtext('rollcall.roles'));
  execute format('revoke all on database %I from public', current_database());
  revoke all on schema public from public;
  foreach service in array array['ingest', 'roles', 'projector', 'portal'] loop
    if not exists (select from pg_roles where rolname = service) then
      execute format('create role %I login', service);
    end if;
    -- Who is no superuser, as on managed servers, gives schemas only to roles it is a member of.
    if not (select rolsuper from pg_roles where rolname = current_user) then
      execute format('grant %I to current_user', service);
    end if;
    execute format('grant connect on database %I to %I', current_database(), service);
    execute format('create schema if not exists %I authorization %I', service, service);
    execute format(
      'alter role %I in database %I set search_path = %I', service, current_database(), service);
  end loop;
  -- Each version of the read models is a schema that the projector makes and drops.
  execute format('grant create on database %I to projector', current_database());
end $$;
