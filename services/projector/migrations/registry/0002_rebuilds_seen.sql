-- The portal says while read models are made anew, so that nobody wonders why it is slower then.

create view portal_rebuilds as
select version, started_at, events, total from read_models
where state in ('preparing', 'filling', 'indexing', 'comparing');

grant select on portal_rebuilds to portal;
