-- The portal shows the log; events of one type are few among many, and are found in their order.

create index events_type_idx on events (directory_id, type, generation, sequence);
