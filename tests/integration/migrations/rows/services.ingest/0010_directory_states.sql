-- A directory that was paused.
insert into directories (id, organization_id, name, provider, created_at, state, state_since,
  state_by)
values ('0d000000-0000-4000-8000-000000000009', '0a000000-0000-4000-8000-000000000001',
  'Globex Okta', 'okta', '2026-03-02T09:00:00Z', 'paused', '2026-03-02T09:30:00Z',
  'an administrator');
