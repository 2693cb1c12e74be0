"""Numbers by row (what is done) and column (who does it), one per round.  What was not measured
has no number, and gives none to what is computed from it."""
import statistics


class Samples:
    """Rows and columns keep the order in which they first came."""

    def __init__(self, unit: str, note: str = ""):
        self.unit = unit
        self.note = note
        self._values = {}
        self._columns = {}

    def add(self, row: str, column: str, value: float):
        self._columns.setdefault(column)
        self._values.setdefault(row, {}).setdefault(column, []).append(float(value))

    def rows(self) -> list:
        return list(self._values)

    def columns(self) -> list:
        return list(self._columns)

    def values(self, row: str, column: str) -> list:
        return list(self._values.get(row, {}).get(column, []))

    def median(self, row: str, column: str):
        values = self.values(row, column)
        return statistics.median(values) if values else None

    def spread(self, row: str, column: str):
        """Half of the distance between the smallest and the largest value, as part of the median."""
        values, middle = self.values(row, column), self.median(row, column)
        return (max(values) - min(values)) / 2 / abs(middle) if middle else None

    def ratio(self, row: str, column: str, base: str):
        """Median over median.  None where one is missing, or the base is not above zero: a ratio
        to nothing, or to less than nothing, says nothing."""
        value, reference = self.median(row, column), self.median(row, base)
        return value / reference if value is not None and reference and reference > 0 else None

    def minus(self, base: str) -> "Samples":
        """What each column adds to `base`, pair by pair: the n-th value less the base's n-th."""
        added = Samples(self.unit, self.note)
        for row in self.rows():
            for column in self.columns():
                if column != base:
                    for value, less in zip(self.values(row, column), self.values(row, base)):
                        added.add(row, column, value - less)
        return added

    def as_json(self) -> dict:
        return {"unit": self.unit, "note": self.note, "columns": self.columns(),
                "values": self._values,
                "medians": {row: {column: self.median(row, column) for column in columns}
                            for row, columns in self._values.items()}}
