"""Keeps what a benchmark measured: every value as JSON, with what the machine was, and a plot."""
import datetime
import json
import os
import pathlib
import platform
import subprocess

from .plot import bars

ROOT = pathlib.Path(__file__).resolve().parents[2]


def cpu_name() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, text=True,
                          capture_output=True, check=False)
    return done.stdout.strip() or "unknown"


def machine() -> dict:
    return {"cpu": cpu_name(), "cpus": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "load": os.getloadavg(), "commit": commit()}


def keep(name: str, measured: dict, facts: dict = None) -> pathlib.Path:
    """Writes DATE.json, and DATE-WHAT.svg for each Samples of `measured` (a name for each), into
    $NINEROOT_BENCH_RESULTS/name (default: build/bench/name), and returns the JSON's path."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    base = pathlib.Path(os.environ.get("NINEROOT_BENCH_RESULTS", ROOT / "build" / "bench")) / name
    base.mkdir(parents=True, exist_ok=True)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    for what, samples in measured.items():
        (base / f"{stamp}-{what}.svg").write_text(bars(samples, f"{name} {what}"))
    path = base / f"{stamp}.json"
    path.write_text(json.dumps(
        {"benchmark": name, "date": now.isoformat(), "machine": machine(), "facts": facts or {},
         "measured": {what: samples.as_json() for what, samples in measured.items()}}, indent=1) + "\n")
    return path
