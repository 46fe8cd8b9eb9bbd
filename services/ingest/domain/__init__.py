"""Frozen values and pure decisions: state in, state and events out; no clock, no I/O."""
