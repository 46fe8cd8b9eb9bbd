-- Ada's role again, published a second after it was stored.
insert into events (directory_id, topic, generation, sequence, id, type, subject, time,
  published_at, user_id, group_id, cause, data)
values ('0d000000-0000-4000-8000-000000000001', 'role.events.v1', 1, 2,
  '0d000000-0000-4000-8000-000000000001:roles:1:2', 'rollcall.role.assigned.v1',
  'users/05000000-0000-4000-8000-000000000001', '2026-03-02T09:07:00Z', '2026-03-02T09:07:01Z',
  '05000000-0000-4000-8000-000000000001', null, '{"kind": "scim", "id": "1"}', '{"user": {}}');
