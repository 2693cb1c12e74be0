"""What the numbers are held against, and the tables that say whether it is reached.  Pure: times and
requests go in as Samples, nothing is measured here."""
import statistics

from report import Samples, aligned
from report.table import number

# At most these parts of QEMU's time in the median of all rows, and less than all of it in each.
QEMU = (("nineroot-mmap", "qemu-mmap", 0.5), ("nineroot-loose", "qemu-loose", 0.6))
VIRTIOFSD = (("nineroot-loose", "virtiofsd-always"), ("nineroot-mmap", "virtiofsd-auto"))
PER_REQUEST = 0.8  # Of virtiofsd's time per request.
# Times ext4, with mmap and with loose.
SOFTWARE = {"git": (20, 10), "apt": (6, 4), "dpkg-verify": (8, 4), "tar": (30, 12), "compile": (5, 3),
            "readdir": (20, 10)}


def yes(value, limit) -> str:
    """`-` where one of them is not known."""
    if value is None or limit is None:
        return "-"
    return "yes" if value <= limit else "no"


def requests_ratio(requests: Samples, row: str, ours: str, peer: str):
    """How many requests 9P needs for one of FUSE; None where either sends next to none."""
    values = [requests.median(row, name) for name in (ours, peer)]
    return values[0] / values[1] if all(value and value >= 0.02 for value in values) else None


def wanted(ratio):
    """The part of virtiofsd's time that is allowed: less than all where 9P sends no more requests than
    FUSE does, elsewhere what they take at PER_REQUEST each."""
    if ratio is None:
        return None
    return 1.0 if ratio <= 1 else ratio * PER_REQUEST


def against_virtiofsd(time: Samples, requests: Samples, ours: str, peer: str, what: str) -> str:
    """`what` `time` is: elapsed, or of CPUs."""
    lines = [[f"{ours} / {peer}", "requests", "each", what, "at most", "reached", "at 0.8 each",
              "reached"]]
    for row in time.rows():
        over = time.ratio(row, ours, peer)
        if over is None:
            continue
        ratio = requests_ratio(requests, row, ours, peer)
        each = over / ratio if ratio else None
        strict = ratio * PER_REQUEST if ratio else None
        counts = "/".join(number(requests.median(row, name)) for name in (ours, peer))
        lines.append([row, counts, number(each), number(over), number(wanted(ratio)),
                      yes(over, wanted(ratio)), number(strict), yes(over, strict)])
    return aligned(lines)


def against_qemu(time: Samples, what: str) -> str:
    """Per row, then the median of all rows."""
    pairs = [pair for pair in QEMU if pair[1] in time.columns() and pair[0] in time.columns()]
    heads = [word for ours, peer, _ in pairs for word in (f"{ours.partition('-')[2]}/{peer}", "ahead")]
    lines, all_rows = [[f"{what}, ours over QEMU's 9pfs", *heads]], {pair: [] for pair in pairs}
    for row in time.rows():
        ratios = {pair: time.ratio(row, *pair[:2]) for pair in pairs}
        for pair, ratio in ratios.items():
            all_rows[pair] += [ratio] if ratio is not None else []
        lines.append([row, *(cell for ratio in ratios.values() for cell in (number(ratio), yes(ratio, 1)))])
    last = [f"median (at most {', '.join(f'{limit:g}' for *_, limit in pairs)})"]
    for pair, ratios in all_rows.items():
        middle = statistics.median(ratios) if ratios else None
        last += [number(middle), yes(middle, pair[2])]
    return aligned([*lines, last])


def against_ext4(time: Samples, software: list, what: str) -> str:
    """Software as multiples of ext4 on virtio-blk, and what ours may take."""
    others = [name for name in time.columns() if name != "ext4"]
    lines = [[f"{what}, times ext4", *others, "aim mmap", "reached", "aim loose", "reached"]]
    for row in software:
        ratios = {name: time.ratio(row, name, "ext4") for name in others}
        if all(ratio is None for ratio in ratios.values()):
            continue
        cells = [number(ratio) for ratio in ratios.values()]
        for ours, limit in zip(("nineroot-mmap", "nineroot-loose"), SOFTWARE.get(row, (None, None))):
            cells += [number(limit), yes(ratios.get(ours), limit)]
        lines.append([row, *cells])
    return aligned(lines)
