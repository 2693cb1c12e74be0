#!/usr/bin/env python3
"""The arithmetic that every benchmark's claims rest on."""
import json
import os
import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from report import Samples, bars, interleaved, keep, medians_table, ratios_table  # noqa: E402


def two_columns() -> Samples:
    samples = Samples("us")
    for ours, peer, floor in ((4, 10, 1), (2, 30, 2), (3, 20, 1)):
        samples.add("create", "ours", ours)
        samples.add("create", "peer", peer)
        samples.add("create", "floor", floor)
    samples.add("stat", "ours", 7)
    return samples


class ReportTest(unittest.TestCase):
    def test_every_variant_runs_once_per_round_and_first_once(self):
        order = list(interleaved(3, "abc"))
        for number in range(3):
            self.assertEqual(sorted(who for at, who in order if at == number), ["a", "b", "c"])
        self.assertEqual([order[at][1] for at in (0, 3, 6)], ["a", "b", "c"])

    def test_medians_and_their_ratio(self):
        samples = two_columns()
        self.assertEqual(samples.median("create", "ours"), 3)
        self.assertAlmostEqual(samples.ratio("create", "ours", "peer"), 0.15)
        self.assertAlmostEqual(samples.spread("create", "peer"), 0.5)

    def test_what_is_missing_gives_no_ratio(self):
        samples = two_columns()
        self.assertIsNone(samples.median("stat", "peer"))
        self.assertIsNone(samples.ratio("stat", "ours", "peer"))
        self.assertIsNone(samples.ratio("create", "ours", "nobody"))
        self.assertEqual(ratios_table(samples, "peer").splitlines()[2].split(), ["stat", "-", "-"])

    def test_a_base_below_zero_gives_no_ratio(self):
        samples = Samples("us")
        samples.add("stat", "ours", 3)
        samples.add("stat", "peer", -1)
        self.assertIsNone(samples.ratio("stat", "ours", "peer"))

    def test_what_a_column_adds_is_taken_round_by_round(self):
        added = two_columns().minus("floor")
        self.assertEqual(added.values("create", "ours"), [3, 0, 2])
        self.assertEqual(added.columns(), ["ours", "peer"])
        self.assertEqual(added.values("stat", "ours"), [])

    def test_tables_are_aligned(self):
        lines = medians_table(two_columns()).splitlines()
        self.assertEqual(len({len(line) for line in lines}), 1, lines)
        self.assertIn("3.00 ±33%", lines[1])

    def test_the_plot_is_xml_with_a_bar_per_median(self):
        root = xml.etree.ElementTree.fromstring(bars(two_columns(), "a < b"))
        drawn = [part for part in root.iter("{http://www.w3.org/2000/svg}rect")
                 if part.get("height") == "9" and part.get("width") != "9"]
        self.assertEqual(len(drawn), 4)

    def test_everything_measured_is_kept(self):
        with tempfile.TemporaryDirectory() as directory:
            os.environ["NINEROOT_BENCH_RESULTS"] = directory
            path = keep("trial", {"latency": two_columns()}, {"rounds": 3})
            kept = json.loads(path.read_text())
            self.assertEqual(kept["measured"]["latency"]["values"]["create"]["peer"], [10, 30, 20])
            self.assertEqual(kept["facts"], {"rounds": 3})
            self.assertEqual(len(list(path.parent.glob("*.svg"))), 1)


if __name__ == "__main__":
    unittest.main()
