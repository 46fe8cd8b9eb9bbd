-- A telling that has ended.
insert into snapshots (id, directory_id, actor, generation, begin_sequence, part, last_id,
  last_user_id, written, total, started_at, advanced_at, finished_at)
values ('07000000-0000-4000-8000-000000000001', '0d000000-0000-4000-8000-000000000001',
  'operator:mia', 1, 2, 'memberships', '06000000-0000-4000-8000-000000000001',
  '05000000-0000-4000-8000-000000000001', 5, 5, '2026-03-02T09:00:00Z', '2026-03-02T09:00:01Z',
  '2026-03-02T09:00:02Z');
