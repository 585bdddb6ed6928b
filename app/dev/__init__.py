"""The developer's inspector."""
