-- One directory up to date, one parked by a gap, one by a record that nobody can read.
insert into consumer_positions (topic, partition, next_offset)
values ('directory.events.v1', 17, 42), ('role.events.v1', 17, 6);

insert into directory_positions (topic, directory_id, generation, sequence, state, reason)
values ('directory.events.v1', '0d000000-0000-4000-8000-000000000001', 1, 7, 'live', null),
  ('directory.events.v1', '0d000000-0000-4000-8000-000000000002', 1, 3, 'parked',
    'gap: 1:5 after 1:3'),
  ('directory.events.v1', '0d000000-0000-4000-8000-000000000003', 1, 2, 'parked',
    'MalformedEventError');

insert into parked_events (topic, partition, "offset", directory_id, record, reason)
values ('directory.events.v1', 19, 9, '0d000000-0000-4000-8000-000000000003', 'not JSON',
  'MalformedEventError');
