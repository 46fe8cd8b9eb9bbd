-- It makes nothing that could be filled.
select;
