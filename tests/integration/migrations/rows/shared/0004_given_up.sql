-- The first record of the parked directory was given up, and no snapshot heals that.
insert into given_up_records (topic, partition, "offset", directory_id, heals)
values ('directory.events.v1', 19, 8, '0d000000-0000-4000-8000-000000000003', false);
