#!/usr/bin/env python3
"""What is called reached must be."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from emulated import aims  # noqa: E402
from report import Samples  # noqa: E402


def samples(unit: str, **columns) -> Samples:
    made = Samples(unit)
    for column, rows in columns.items():
        for row, value in rows.items():
            made.add(row.replace("_", " "), column.replace("_", "-"), value)
    return made


class AimsTest(unittest.TestCase):
    def setUp(self):
        self.time = samples("us", nineroot_loose={"create": 12, "open": 9, "warm": 1},
                            virtiofsd_always={"create": 10, "open": 10, "warm": 2},
                            qemu_loose={"create": 24, "open": 8})
        self.requests = samples("requests", nineroot_loose={"create": 9, "open": 3, "warm": 0},
                                virtiofsd_always={"create": 6, "open": 3, "warm": 0})

    def test_more_requests_are_allowed_their_time_at_a_part_of_the_peers(self):
        ratio = aims.requests_ratio(self.requests, "create", "nineroot-loose", "virtiofsd-always")
        self.assertEqual(ratio, 1.5)
        self.assertAlmostEqual(aims.wanted(ratio), 1.2)

    def test_as_many_requests_must_be_ahead(self):
        self.assertEqual(aims.wanted(1.0), 1.0)
        self.assertEqual(aims.wanted(0.5), 1.0)

    def test_no_requests_give_no_aim(self):
        self.assertIsNone(aims.requests_ratio(self.requests, "warm", "nineroot-loose", "virtiofsd-always"))
        self.assertIsNone(aims.wanted(None))
        self.assertEqual(aims.yes(1, None), "-")

    def test_each_row_says_whether_it_is_reached(self):
        lines = aims.against_virtiofsd(self.time, self.requests, "nineroot-loose",
                                       "virtiofsd-always", "time").splitlines()
        self.assertEqual(lines[1].split(), ["create", "9.00/6.00", "0.80", "1.20", "1.20", "yes", "1.20", "yes"])
        self.assertEqual(lines[2].split(), ["open", "3.00/3.00", "0.90", "0.90", "1.00", "yes", "0.80", "no"])
        self.assertEqual(lines[3].split()[-5:], ["0.50", "-", "-", "-", "-"])

    def test_qemu_is_left_behind_in_each_row_and_in_the_median(self):
        lines = aims.against_qemu(self.time, "time").splitlines()
        self.assertEqual(lines[1].split(), ["create", "0.50", "yes"])
        self.assertEqual(lines[2].split(), ["open", "1.12", "no"])
        self.assertEqual(lines[-1].split()[-2:], ["0.81", "no"])

    def test_a_missing_peer_has_no_column(self):
        self.assertNotIn("mmap/", aims.against_qemu(self.time, "time"))

    def test_software_is_held_against_ext4(self):
        time = samples("s", nineroot_mmap={"git": 30}, nineroot_loose={"git": 10}, ext4={"git": 1})
        line = aims.against_ext4(time, ["git", "tar"], "time").splitlines()
        self.assertEqual(line[1].split(), ["git", "30.0", "10.0", "20.0", "no", "10.0", "yes"])
        self.assertEqual(len(line), 2)


if __name__ == "__main__":
    unittest.main()
