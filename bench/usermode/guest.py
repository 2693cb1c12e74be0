"""One run of the workload program: as init of a User Mode Linux guest whose root is this host's, or
as a process here.  Both speak the lines that bench/workload/measure.h tells."""
import os
import select
import signal
import subprocess

from .servers import cpu_nanoseconds

STEP_SECONDS = 300


class Failed(Exception):
    pass


def guest_words(kernel, program, job, devices, disk) -> list:
    """`devices` are (socket, virtio id)."""
    return [str(kernel), "mem=1G", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "quiet",
            *(f"virtio_uml.device={socket}:{number}" for socket, number in devices),
            f"ubd0={disk}", "con0=fd:0,fd:1", "con=null", f"init={program}", f"workload={job}"]


def lines_of(process, patience):
    """Until the program ends, or says nothing for too long."""
    pending = b""
    while True:
        if not select.select([process.stdout], [], [], patience)[0]:
            raise Failed(f"nothing was said for {patience} s")
        part = os.read(process.stdout.fileno(), 65536)
        if not part:
            return
        *whole, pending = (pending + part).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace").rstrip("\r")


def converse(words, cpus, look, patience=STEP_SECONDS):
    """Runs `words`.  `look(step, place)` is told when a step is ready and when it is done, and gives the
    CPU time of the place's server.  Yields ("sum", step, place, [operations, sum]) and ("done", step,
    place, [operations, nanoseconds, interrupts, own, server]): `own` is the CPU time that `words` spent
    in the step, in nanoseconds, and `server` what `look` gained."""
    # Memory of the guest goes to the first of these that is set: not to a disk.
    surroundings = {key: value for key, value in os.environ.items()
                    if key not in ("TMP", "TEMP", "TMPDIR")}
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, env=surroundings, start_new_session=True,
                               preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    heard, before, has_ended = [], (0, 0), False

    def clocks(step, place):
        server = look(step, place)
        return cpu_nanoseconds(process.pid), server

    try:
        for line in lines_of(process, patience):
            heard.append(line)
            kind, _, rest = line.partition(" ")
            fields = rest.split("\t")
            if kind == "@ready":
                before = clocks(*fields[:2])
            elif kind == "@done":
                spent = [now - then for now, then in zip(clocks(*fields[:2]), before)]
                yield "done", fields[0], fields[1], list(map(int, fields[2:])) + spent
            elif kind == "@sum":
                yield "sum", fields[0], fields[1], fields[2:]
            elif kind == "@fail":
                raise Failed(line)
            has_ended = has_ended or kind == "@end"
            if kind in ("@ready", "@done"):
                process.stdin.write(b"\n")
                process.stdin.flush()
        if not has_ended:
            raise Failed("the program ended too early")
    except Failed as failure:
        raise Failed("\n".join([str(failure), *heard[-20:]])) from None
    finally:
        # A guest's processes are processes here; its init does not take them along when it is killed.
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
