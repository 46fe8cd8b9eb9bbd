-- A directory seven events old; the last one is still to be published, by an owner who is gone.
insert into directory_sequences (directory_id, lane, generation, sequence)
values ('0d000000-0000-4000-8000-000000000001', 17, 1, 7);

insert into outbox (lane, topic, key, directory_id, generation, sequence, tail)
select 17, case current_schema() when 'roles' then 'role.events.v1' else 'directory.events.v1' end,
  '0d000000-0000-4000-8000-000000000001', '0d000000-0000-4000-8000-000000000001', 1, 7,
  convert_to('"source":"/directories/0d000000-0000-4000-8000-000000000001",'
    '"type":"rollcall.seventh.told.v1","subject":"seventh","time":"2026-03-02T09:07:00Z",'
    '"organizationid":"0a000000-0000-4000-8000-000000000001","data":{}}', 'UTF8');

insert into relay_members (owner, seen_until)
values ('0e000000-0000-4000-8000-000000000001', '2026-03-02T09:00:00Z');

insert into relay_lanes (lane, owner, epoch, lease_until)
values (17, '0e000000-0000-4000-8000-000000000001', 4, '2026-03-02T09:00:00Z');

insert into relay_positions (directory_id, generation, sequence)
values ('0d000000-0000-4000-8000-000000000001', 1, 6);
