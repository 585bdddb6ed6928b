"""The part of a page of the docs that a command writes: what lies between two marks."""

from __future__ import annotations

from pathlib import Path


class Marks:
    """``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``."""

    def __init__(self, name: str) -> None:
        self.begin, self.end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"

    def around(self, path: Path) -> tuple[str, str]:
        """What stands before and after the marks in a file.

        Raises:
            ValueError: the file has not both marks, in this order.
        """
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        before, begin, rest = text.partition(self.begin)
        _, end, after = rest.partition(self.end)
        if not (begin and end):
            raise ValueError(f"{path}: expected the lines {self.begin} and {self.end}, between which the tables go; "
                             "add them")
        return before, after

    def put(self, path: Path, body: str) -> None:
        """Replace what is between the marks of a file; ValueError without them."""
        before, after = self.around(path)
        path.write_text(f"{before}{self.begin}\n\n{body}\n\n{self.end}{after}", encoding="utf-8")
