"""One SVG of bars, without a library: rows grouped, a colour per column, a logarithmic axis, since a
fast and a slow row differ by orders of magnitude."""
import math
from html import escape

from .samples import Samples
from .table import number

COLOURS = ("#1f6f8b", "#e07a1f", "#7a9e3f", "#a23b72", "#666666", "#c2b280", "#3b4cc0", "#b40426")
BAR, GAP, LEFT, WIDTH, TOP = 11, 9, 170, 520, 54


def decades(samples: Samples):
    """The powers of ten around all medians above zero."""
    medians = [samples.median(row, column) for row in samples.rows() for column in samples.columns()]
    seen = [value for value in medians if value and value > 0] or [1.0]
    low, high = math.floor(math.log10(min(seen))), math.ceil(math.log10(max(seen)))
    return low, max(high, low + 1)


def text(x, y, words, anchor="start", size=11) -> str:
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}">'
            f"{escape(words)}</text>")


def bars(samples: Samples, title: str) -> str:
    """The whole file's text.  A median that is not above zero has no bar, only its number."""
    rows, columns = samples.rows(), samples.columns()
    low, high = decades(samples)
    height = TOP + len(rows) * (len(columns) * BAR + GAP) + 20

    def place(value):
        return LEFT + WIDTH * (math.log10(value) - low) / (high - low)

    parts = [text(8, 18, f"{title}: {samples.unit}", size=14)]
    for at, column in enumerate(columns):
        x = 8 + at * 120
        parts.append(f'<rect x="{x}" y="26" width="9" height="9" fill="{COLOURS[at % len(COLOURS)]}"/>')
        parts.append(text(x + 13, 35, column))
    for power in range(low, high + 1):
        x = place(10.0 ** power)
        parts.append(f'<line x1="{x:.0f}" y1="{TOP - 4}" x2="{x:.0f}" y2="{height - 16}" stroke="#ddd"/>')
        parts.append(text(x, height - 4, f"{10.0 ** power:g}", "middle"))
    y = TOP
    for row in rows:
        parts.append(text(LEFT - 6, y + len(columns) * BAR / 2 + 4, row, "end"))
        for at, column in enumerate(columns):
            value = samples.median(row, column)
            end = LEFT
            if value is not None and value > 0:
                end = max(place(value), LEFT + 1)
                parts.append(f'<rect x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{BAR - 2}" '
                             f'fill="{COLOURS[at % len(COLOURS)]}"/>')
            parts.append(text(end + 4, y + BAR - 2, number(value), size=9))
            y += BAR
        y += GAP
    width = max(LEFT + WIDTH + 60, 8 + len(columns) * 120)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>\n'
            + "\n".join(parts) + "\n</svg>\n")
