"""All SQL of the checkers: each service's tables, read in one repeatable-read snapshot.

Reads and nothing else. Rows become digests as they arrive, so that memory holds no documents.
"""
