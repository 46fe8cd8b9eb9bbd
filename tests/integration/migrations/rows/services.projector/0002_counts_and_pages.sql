-- The members of a group that is not known yet, and a role held in a second generation.
insert into member_counts (directory_id, group_id, members)
values ('0d000000-0000-4000-8000-000000000001', '06000000-0000-4000-8000-000000000003', 5);

insert into assignments (directory_id, user_id, role_key, role_name, reason, cause, valid_from,
  valid_to, sequence, generation)
values ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000001', 'auditor',
  'Auditor', '{"kind": "group", "groups": []}', '{"kind": "scim", "id": "2"}',
  '2026-03-02T09:07:00Z', null, 1, 2);
