-- A directory with a limit of its own.
insert into directories (id, organization_id, name, provider, created_at, requests_per_second, burst)
values ('0d000000-0000-4000-8000-000000000002', '0a000000-0000-4000-8000-000000000001',
  'Globex Okta', 'okta', '2026-03-02T09:00:00Z', 5, 20);
