#!/usr/bin/env python3
"""Refuses an #include that goes up or sideways between the layers under src/.

Each layer may include itself and the layers named here; a header of another layer, or a layer
that is not named here, is an error.  Run without arguments; exits 1 with one line per offence.
"""
import pathlib
import re
import sys

ALLOWED = {
    "base": set(),
    "wire": {"base"},
    "fs": {"base"},
    "virtio": {"base"},
    "storage": {"base"},
    "agent": {"base"},
    "session": {"base", "wire", "fs"},
    "transport": {"base", "wire", "virtio"},
    "server": {"base", "wire", "fs", "virtio", "session", "transport"},
    "guest": {"base", "agent"},
    "vm": {"base", "storage", "agent"},
    "cli": {"base", "server", "storage", "vm"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"/]+)/')


def offences(source: pathlib.Path):
    for layer in sorted(p for p in source.iterdir() if p.is_dir()):
        allowed = ALLOWED.get(layer.name)
        if allowed is None:
            yield f"{layer}: a layer that tools/check_layers.py does not know"
            continue
        for file in sorted(layer.rglob("*")):
            if file.suffix not in (".h", ".cpp", ".c"):
                continue
            # Tests may use the doubles in tests/support.
            extra = {"tests"} if file.stem.endswith("_test") else set()
            for number, line in enumerate(file.read_text().splitlines(), 1):
                found = INCLUDE.match(line)
                if found and found.group(1) not in allowed | extra | {layer.name}:
                    yield f"{file}:{number}: {layer.name} must not include {found.group(1)}"


def main() -> int:
    source = pathlib.Path(__file__).resolve().parent.parent / "src"
    if len(sys.argv) > 1:
        source = pathlib.Path(sys.argv[1])
    found = list(offences(source))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
