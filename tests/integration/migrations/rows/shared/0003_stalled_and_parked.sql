-- changes directory_positions.state: what a gap had parked is stalled from now on.
insert into directory_positions (topic, directory_id, generation, sequence, state, reason, since,
  awaits_generation, awaits_sequence, asked_at)
values ('directory.events.v1', '0d000000-0000-4000-8000-000000000004', 1, 8, 'stalled',
  'gap: 1:11 after 1:8', '2026-03-02T09:00:00Z', 1, 11, '2026-03-02T09:00:01Z');

insert into parked_events (topic, partition, "offset", directory_id, record, reason, attempts)
values ('directory.events.v1', 19, 10, '0d000000-0000-4000-8000-000000000003', 'nor this',
  'MalformedEventError', 3);

insert into dead_letters (topic, partition, "offset", directory_id, record, reason, attempt)
values ('directory.events.v1', 19, 10, '0d000000-0000-4000-8000-000000000003', 'nor this',
  'MalformedEventError', 3);

insert into audit_records (actor, act, directory_id, facts)
values ('operator:mia', 'parked.released', '0d000000-0000-4000-8000-000000000003', '{"events": 1}');
