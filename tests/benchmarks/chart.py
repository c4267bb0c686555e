"""A bar chart of ratios as SVG, without a library.

In: rows of labelled ratios. Out: the text of an SVG file that reads on light and dark pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#2f6fb3", "#8fb9e3", "#c4682b", "#e9b48a")
LEFT, WIDTH, BAR, GAP = 110, 560, 10, 10
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.n{font-size:9px;fill:#555}.g{stroke:#ccc}.o{stroke:#222}"
    ".b{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#ddd}.n{fill:#aaa}.g{stroke:#444}.o{stroke:#ddd}"
    ".b{fill:#111}}"
)


def bars(title: str, rows: Mapping[str, Sequence[float | None]], series: Sequence[str]) -> str:
    """Horizontal bars: one group for each row, one bar for each series; a line marks 1.0, plain Python.

    Parameters
    ----------
    title : one line above the chart.
    rows : the ratios of each row in the order of `series`; None leaves a bar out.
    series : names for the legend.
    """
    known = [value for values in rows.values() for value in values if value is not None]
    top = max([1.5, *known]) * 1.05
    group = len(series) * BAR + GAP
    height = 70 + len(rows) * group + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 60}" height="{height}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<rect class="b" width="100%" height="100%"/><text x="12" y="22" font-weight="bold">{escape(title)}</text>',
        *_legend(series),
        *_grid(top, height),
    ]
    for number, (label, values) in enumerate(rows.items()):
        y = 62 + number * group
        middle = y + len(series) * BAR / 2 + 4
        parts.append(f'<text x="{LEFT - 8}" y="{middle:.0f}" text-anchor="end">{escape(label)}</text>')
        for index, value in enumerate(values):
            if value is not None:
                parts.append(_bar(y + index * BAR, value / top * WIDTH, value, COLOURS[index % len(COLOURS)]))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(series: Sequence[str]) -> list[str]:
    parts, x = [], LEFT
    for index, name in enumerate(series):
        parts.append(f'<rect x="{x}" y="33" width="10" height="10" fill="{COLOURS[index % len(COLOURS)]}"/>')
        parts.append(f'<text x="{x + 14}" y="42">{escape(name)}</text>')
        x += 26 + 7 * len(name)
    return parts


def _grid(top: float, height: int) -> list[str]:
    step = next((s for s in (0.25, 0.5, 1, 2, 5, 10, 50, 100, 1000) if top / s <= 9), 10_000)
    parts, value = [], 0.0
    while value <= top:
        x = LEFT + value / top * WIDTH
        kind = "o" if value == 1 else "g"
        parts.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="54" y2="{height - 22}"/>')
        parts.append(f'<text class="n" x="{x:.1f}" y="{height - 8}" text-anchor="middle">{value:g}</text>')
        value += step
    return parts


def _bar(y: float, length: float, value: float, colour: str) -> str:
    return (
        f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 1}" fill="{colour}"/>'
        f'<text class="n" x="{LEFT + length + 3:.1f}" y="{y + BAR - 1}">{value:.2f}</text>'
    )
