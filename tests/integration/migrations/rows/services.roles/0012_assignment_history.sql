-- Bob was an administrator for an hour, by an event of its own.
insert into assignment_history (directory_id, generation, sequence, user_id, user_name, role_key,
  role_name, held, at, reason, cause)
values ('0d000000-0000-4000-8000-000000000001', 1, 1, '05000000-0000-4000-8000-000000000002',
    'bob@globex.example', 'admin', 'Administrator', true, '2026-03-02T09:07:00Z',
    '{"kind": "manual", "groups": []}',
    '{"kind": "administrator", "id": "019501a8-0000-7000-8000-000000000002", "actor": "app"}'),
  ('0d000000-0000-4000-8000-000000000001', 1, 2, '05000000-0000-4000-8000-000000000002',
    'bob@globex.example', 'admin', 'Administrator', false, '2026-03-02T10:07:00Z',
    '{"kind": "manual", "groups": []}',
    '{"kind": "administrator", "id": "019501a8-0000-7000-8000-000000000003", "actor": "app"}');

insert into directories (id, organization_id, name, mapping_version, resyncing, strategy, mapping_on,
  history_from)
values ('0d000000-0000-4000-8000-000000000011', '0a000000-0000-4000-8000-000000000001',
  'Globex late', 0, false, 'union', true, 12);
