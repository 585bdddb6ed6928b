"""A policy out of a file, with an error that names the file."""

from __future__ import annotations

import json
from pathlib import Path

from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy

_WANTED = 'give a JSON object such as {"cooldown_s": 20}'


def read_policy(path: Path | None) -> AlertPolicy:
    """The policy of a JSON file; fields left out keep their defaults; None: the default policy.

    Raises:
        ValueError: the file cannot be read, is not JSON, names unknown fields or holds impossible values.
    """
    if path is None:
        return DEFAULT_POLICY
    try:
        return AlertPolicy.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); {_WANTED}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not JSON (line {error.lineno}: {error.msg}); {_WANTED}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
