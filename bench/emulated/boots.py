"""Boot to login: a whole Debian with its own initramfs, its root in one place at a time."""
import pathlib
import select
import subprocess
import time

from .machine import Machine
from .places import Places, Served, kind_of, mount_words

LIMIT_SECONDS = 1200
PROMPT = b"login:"


class Failed(Exception):
    pass


def kernel_words(name: str) -> list:
    kind, source, options = mount_words(name)
    # An emulated udev on a busy host may take longer than the 90 s in which a console must be there.
    words = [f"root={source}", "rw", f"rootfstype={kind}", "systemd.default_device_timeout_sec=900"]
    return words + ([] if options == "-" else [f"rootflags={options}"])


def wait_for_prompt(process, served: Served, name: str) -> list:
    """[seconds, QEMU's and the server's CPU nanoseconds] from now to the prompt."""
    start, text = time.monotonic(), b""
    while PROMPT not in text:
        left = LIMIT_SECONDS - (time.monotonic() - start)
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            raise Failed(f"no prompt within {LIMIT_SECONDS} s: {text[-2000:].decode(errors='replace')}")
        part = process.stdout.read1(65536)
        if not part:
            raise Failed(f"QEMU ended: {text[-2000:].decode(errors='replace')}")
        text += part
    return [time.monotonic() - start, served.cpu(name)]


def boot(places: Places, found: dict, name: str) -> list:
    """Seconds and the server's CPU nanoseconds from QEMU's start to the prompt; the guest is killed then."""
    served = Served(places.base, found)
    machine = Machine(found["qemu"], found["accel"], found["guest cpus"], found["memory"], places.system)
    machine.add_conversation()
    machine.add_kernel_words(*kernel_words(name))
    try:
        if kind_of(name) == "ext4":
            machine.add_disk("ext4", places.disk, is_virtio=True, is_kept=True)
        served.add(machine, name, places.directory(name))
        log = pathlib.Path(places.base / "log" / f"boot-{name}")
        with log.open("wb") as errors:
            process = subprocess.Popen(machine.words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=errors)
        try:
            return wait_for_prompt(process, served, name)
        finally:
            process.kill()
            process.wait()
    finally:
        served.stop()
