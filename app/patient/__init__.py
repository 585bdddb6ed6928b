"""The patient's pages and what they fetch."""
