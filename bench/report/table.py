"""Tables for a terminal."""
from .samples import Samples


def aligned(rows) -> str:
    """Lines of columns: the first to the left, the others to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in rows if at < len(row)) for at in
              range(max(map(len, rows)))]
    return "\n".join(
        "  ".join(cell.ljust(width) if at == 0 else cell.rjust(width)
                  for at, (cell, width) in enumerate(zip(row, widths))).rstrip()
        for row in rows)


def number(value) -> str:
    """Three digits that mean something; a dash for what was not measured."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def medians_table(samples: Samples, columns=None) -> str:
    """Medians, and behind each the half spread in per cent."""
    columns = columns or samples.columns()
    lines = [[samples.unit, *columns]]
    for row in samples.rows():
        cells = []
        for column in columns:
            spread = samples.spread(row, column)
            text = number(samples.median(row, column))
            cells.append(text if spread is None else f"{text} ±{spread * 100:.0f}%")
        lines.append([row, *cells])
    return aligned(lines)


def ratios_table(samples: Samples, base: str, columns=None) -> str:
    """Each column's median over that of `base`; no number where either was not measured."""
    columns = [column for column in columns or samples.columns() if column != base]
    lines = [[f"times {base}", *columns]]
    for row in samples.rows():
        lines.append([row, *(number(samples.ratio(row, column, base)) for column in columns)])
    return aligned(lines)
