"""What the benchmarks of this directory share: interleaved rounds, medians, ratios, table, plot and
JSON.  It measures nothing and starts nothing; needs Python 3's standard library only.

    from report import Samples, interleaved, keep, medians_table, ratios_table

    samples = Samples(unit="us per request")
    for number, variant in interleaved(rounds, ["nineroot", "virtiofsd"]):
        samples.add("create", variant, measure(variant))
    print(medians_table(samples))
    print(ratios_table(samples, base="virtiofsd"))
    keep("uml", {"latency": samples}, {"kernel": "6.12"})    # build/bench/uml/DATE.{json,svg}
"""
from .plot import bars
from .record import keep
from .rounds import interleaved
from .samples import Samples
from .table import aligned, medians_table, ratios_table

__all__ = ["Samples", "aligned", "bars", "interleaved", "keep", "medians_table", "ratios_table"]
