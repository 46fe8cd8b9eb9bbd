"""`rollcall verify`: whether everything that is stored follows from the log.

Folds, comparisons and verdicts are pure and written anew, since a checker that shares code with
what it checks shares its mistakes; `tables` reads Postgres, `log` reads Kafka, `lane` brings them
together, and nothing here writes.
"""
