-- A group was deleted: the type is rare.
insert into events (directory_id, topic, generation, sequence, id, type, subject, time,
  published_at, user_id, group_id, cause, data)
values ('0d000000-0000-4000-8000-000000000001', 'directory.events.v1', 1, 90,
  '0d000000-0000-4000-8000-000000000001:1:90', 'rollcall.group.deleted.v1',
  'groups/06000000-0000-4000-8000-000000000009', '2026-03-02T09:09:00Z', '2026-03-02T09:09:01Z',
  null, '06000000-0000-4000-8000-000000000009', '{"kind": "scim", "id": "9"}', '{"resource": {}}');
