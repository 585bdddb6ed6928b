"""The two-stage engine: lanes, decision point, runtimes and weights."""
