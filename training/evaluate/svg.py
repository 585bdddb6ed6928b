"""Small charts as SVG text, for a page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 360, 260, 44
COLOURS = ("#0b57d0", "#b3261e", "#146c2e", "#7c4dff", "#a15c00", "#006a6a", "#8e0055", "#444746")
"""Each at least 4.5 : 1 against white (WCAG 2.2)."""
DASHES = ("", "6 3", "2 3", "8 3 2 3")
"""Beside the colours, for readers who do not tell them apart."""
_BAR_HEIGHT, _LABEL_WIDTH = 22, 150
Points = Sequence[tuple[float, float]]


def line_chart(title: str, x_label: str, y_label: str, lines: Mapping[str, Points], diagonal: bool = False) -> str:
    """Lines over a square of 0..1 by 0..1; ``diagonal``: with the line of x = y, for reliability."""
    parts = [_axes(x_label, y_label)]
    if diagonal:
        parts.append(f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="#747775" stroke-dasharray="2 4"/>')
    for number, (name, points) in enumerate(lines.items()):
        if not points:
            continue
        path = "L".join(f"{_x(x):.1f} {_y(y):.1f}" for x, y in points)
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}">'
                     f"<title>{escape(name)}</title></path>")
        parts += [f'<circle cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="2.5" fill="{colour}"/>'
                  for x, y in (points if len(points) == 1 else ())]
    legend = "".join(f'<li><svg width="24" height="8" aria-hidden="true"><path d="M0 4H24" stroke-width="3" '
                     f'stroke="{COLOURS[n % len(COLOURS)]}" '
                     f'stroke-dasharray="{DASHES[n // len(COLOURS) % len(DASHES)]}"/></svg> {escape(name)}</li>'
                     for n, name in enumerate(lines))
    return (f'<figure><figcaption>{escape(title)}</figcaption><svg role="img" aria-label="{escape(title)}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}">{"".join(parts)}</svg><ul class="legend">{legend}</ul>'
            "</figure>")


def bar_chart(title: str, bars: Mapping[str, float]) -> str:
    """One bar of 0..1 a row, its number behind it."""
    room = WIDTH - _LABEL_WIDTH - MARGIN
    rows = []
    for number, (name, value) in enumerate(bars.items()):
        y, width = number * _BAR_HEIGHT, max(0.0, min(1.0, value)) * room
        rows.append(f'<text x="{_LABEL_WIDTH - 6}" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
                    f'<rect x="{_LABEL_WIDTH}" y="{y + 3}" width="{width:.1f}" height="16" fill="{COLOURS[0]}"/>'
                    f'<text x="{_LABEL_WIDTH + width + 4:.1f}" y="{y + 15}">{value:.3f}</text>')
    height = len(bars) * _BAR_HEIGHT
    return (f'<figure><figcaption>{escape(title)}</figcaption><svg role="img" aria-label="{escape(title)}" '
            f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}">{"".join(rows)}</svg></figure>')


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table whose first column heads its rows."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(str(row[0]))}</th>' + "".join(f"<td>{_cell(cell)}</td>" for cell in row[1:])
        + "</tr>" for row in rows)
    return f"<table><caption>{escape(title)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) and not value.is_integer() else escape(f"{value:g}" if isinstance(
        value, float) else str(value))


def _x(value: float) -> float:
    return MARGIN + value * (WIDTH - MARGIN - 10)


def _y(value: float) -> float:
    return HEIGHT - MARGIN - value * (HEIGHT - MARGIN - 10)


def _axes(x_label: str, y_label: str) -> str:
    parts = [f'<path d="M{_x(0)} {_y(1)}V{_y(0)}H{_x(1)}" fill="none" stroke="#1f1f1f"/>']
    for step in (0.0, 0.5, 1.0):
        parts.append(f'<text x="{_x(step)}" y="{_y(0) + 16}" text-anchor="middle">{step:g}</text>'
                     f'<text x="{_x(0) - 6}" y="{_y(step) + 4}" text-anchor="end">{step:g}</text>')
    middle = _y(0.5)
    parts.append(f'<text x="{_x(0.5)}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>'
                 f'<text transform="rotate(-90 12 {middle})" x="12" y="{middle}" text-anchor="middle">'
                 f"{escape(y_label)}</text>")
    return "".join(parts)
