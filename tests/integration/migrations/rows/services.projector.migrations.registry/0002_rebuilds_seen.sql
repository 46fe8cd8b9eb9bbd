-- A view over rows that are there already; a rebuild under way would have a schema of its own.
select count(*) from projector.portal_rebuilds;
