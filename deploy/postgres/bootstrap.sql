-- Run once a database by a superuser, any number of times: a schema for each service, its own.
-- The roles `ingest`, `roles`, `projector`, `portal` exist already, each with its password.

do $$
declare
  service text;
begin
  execute format('revoke all on database %I from public', current_database());
  revoke all on schema public from public;
  foreach service in array array['ingest', 'roles', 'projector', 'portal'] loop
    execute format('grant connect on database %I to %I', current_database(), service);
    execute format('create schema if not exists %I authorization %I', service, service);
    execute format(
      'alter role %I in database %I set search_path = %I', service, current_database(), service);
  end loop;
end $$;
