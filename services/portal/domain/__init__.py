"""What the pages say, from rows: states, next steps and reasons in words. Pure."""
