"""The SQL that gives each service its schema and role; for local, compose and Kubernetes alike."""
