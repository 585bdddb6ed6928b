"""What can go wrong in retrieval. Every message says what was expected, what arrived and what to do."""

from __future__ import annotations


class RetrievalError(ValueError):
    """Vectors, entries or parameters that an index cannot take."""


class IndexStoreError(RetrievalError):
    """A folder holds no usable index: damaged, cut short, another format, or made with other weights."""


class RetrievalUnavailableError(RuntimeError):
    """Retrieval needs a package that is not installed; the message names it."""
