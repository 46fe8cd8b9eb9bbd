"""The tables of ingest: who is in which directory, and who may write there."""
