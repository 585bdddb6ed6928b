"""Recorded and rendered runs, played again through any policy, and scored against the truth."""
