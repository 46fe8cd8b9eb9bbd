-- A rebuild under way.
insert into read_models (version, state, actor, events, total)
values (3, 'filling', 'operator:mia', 5, 9);
