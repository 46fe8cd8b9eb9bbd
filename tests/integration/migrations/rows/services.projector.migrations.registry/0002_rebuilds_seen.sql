-- A rebuild under way, into a schema that is there from its first moment on.
insert into read_models (version, state, actor, events, total)
values (3, 'filling', 'operator:mia', 5, 9);

create schema rm_3;
