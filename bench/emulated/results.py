"""All numbers of all rounds, by row and place, and the tables that are made of them."""
from report import Samples, medians_table, ratios_table

from . import aims
from .bench_disk import SCRIPTS


class Differs(Exception):
    """A place did not do what the others did."""


class Results:
    def __init__(self):
        self.steps = Samples("us per operation")
        self.work = Samples("us of CPU per operation")
        self.server = Samples("us of the server's CPU per operation")
        self.software = Samples("seconds")
        self.software_work = Samples("seconds of CPU")
        self.requests = Samples("requests per operation")
        self.boots = Samples("seconds")
        self.sums = {}

    def by_name(self) -> dict:
        named = {"steps": self.steps, "steps-cpu": self.work, "server-cpu": self.server,
                 "software": self.software, "software-cpu": self.software_work,
                 "boots": self.boots, "requests": self.requests}
        return {name: samples for name, samples in named.items() if samples.rows()}

    def take(self, step: str, place: str, numbers: list):
        operations, spent, interrupts, own, server = numbers
        if step in SCRIPTS:
            self.software.add(step, place, spent / 1e9)
            self.software_work.add(step, place, (own + server) / 1e9)
        else:
            self.steps.add(step, place, spent / operations / 1e3)
            self.work.add(step, place, (own + server) / operations / 1e3)
            if server:
                self.server.add(step, place, server / operations / 1e3)
        self.requests.add(step, place, interrupts / operations)

    def take_sum(self, step: str, place: str, numbers: list):
        """What a place did must be what every other did, in every round."""
        expected = self.sums.setdefault(step, (numbers, place))
        if expected[0] != numbers:
            raise Differs(f"{step}: {place} did {numbers}, {expected[1]} did {expected[0]}")

    def tables(self, scripts: list) -> str:
        """Medians, multiples of ext4, and what is reached, by time and by CPU time."""
        parts = [medians_table(samples) for samples in self.by_name().values()]
        parts += [ratios_table(samples, "ext4") for samples in (self.steps, self.software, self.boots)
                  if "ext4" in samples.columns()]
        for what, steps, software in (("time", self.steps, self.software),
                                      ("CPU", self.work, self.software_work)):
            parts += [aims.against_virtiofsd(steps, self.requests, ours, peer, what)
                      for ours, peer in aims.VIRTIOFSD if peer in steps.columns()]
            if "qemu-loose" in steps.columns():
                parts.append(aims.against_qemu(steps, what))
            if "ext4" in software.columns():
                parts.append(aims.against_ext4(software, scripts, what))
        return "\n\n".join(["", *parts])
