"""The tables of roles: what it learned of directories, the catalogue, mappings, assignments."""
