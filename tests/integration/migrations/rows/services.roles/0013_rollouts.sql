-- A save and, behind it, a snapshot are on their way through a directory; Eve was reached before.
insert into directories (id, organization_id, name, mapping_version, unsettled)
values ('0d000000-0000-4000-8000-000000000006', '0a000000-0000-4000-8000-000000000001',
  'Globex Okta', 2, true);

insert into rollouts (directory_id, time, cause, causation_id, change, group_ids,
  begin_generation, begin_sequence, restates, last_user, done, total)
values ('0d000000-0000-4000-8000-000000000006', '2026-03-02T09:09:00Z',
    '{"kind": "mapping", "id": "5a000000-0000-4000-8000-000000000001", "actor": "admin:mia"}',
    null, '{"rows": [["06000000-0000-4000-8000-000000000003", ["admin"]]], "strategy": "union",
      "default_role": null, "is_on": true, "switch": null, "is_resyncing": false}',
    '{06000000-0000-4000-8000-000000000003}', null, null, false,
    '05000000-0000-4000-8000-000000000006', 500, 1500),
  ('0d000000-0000-4000-8000-000000000006', '2026-03-02T09:10:00Z',
    '{"kind": "resync", "id": "5a000000-0000-4000-8000-000000000002", "actor": "consumer"}',
    '0d000000-0000-4000-8000-000000000006:1:9',
    '{"rows": [], "strategy": "first_match", "default_role": "admin", "is_on": true,
      "switch": null, "is_resyncing": false}', null, 1, 8, true, null, 0, 2000);

insert into reached_users (directory_id, user_id, rollout_id)
values ('0d000000-0000-4000-8000-000000000006', '05000000-0000-4000-8000-000000000007', 1);

-- A role that goes as soon as the save has reached everybody.
insert into roles (key, name, description, privileged, leaving)
values ('clerk', 'Clerk', 'May file', false,
  '{"actor": "operator:olga",
    "facts": {"role": "clerk", "replacement": "admin", "directories": 1}}');
