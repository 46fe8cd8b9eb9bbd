"""All SQL of the portal: its own links and sessions, and the projector's views, read only."""
