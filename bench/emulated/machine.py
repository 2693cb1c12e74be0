"""QEMU for one guest: its command line, and what it can do."""
import os
import pathlib
import subprocess

P9_OPTIONS = "trans=virtio,version=9p2000.L,access=client,msize=512000,posixacl,cache="
DEVICES = {"nineroot": "vhost-user-test-device-pci", "qemu": "virtio-9p-pci",
           "virtiofsd": "vhost-user-fs-pci"}
# Ours has one interrupt line and no MSI-X: a slot each, so that no two share a line.
FIRST_SLOT = 4


def find_qemu() -> str:
    """The one that `nineroot boot` would take: scripts/get-qemu's, else the host's."""
    named = os.environ.get("NINEROOT_QEMU")
    data = os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share"
    home = pathlib.Path(os.environ.get("NINEROOT_HOME") or pathlib.Path(data) / "nineroot")
    private = home / "qemu" / "qemu-system-x86_64"
    return named or (str(private) if private.exists() else "qemu-system-x86_64")


def version_of(qemu: str) -> str:
    done = subprocess.run([qemu, "--version"], text=True, capture_output=True, check=True)
    return done.stdout.splitlines()[0]


def has_device(qemu: str, kind: str) -> bool:
    done = subprocess.run([qemu, "-device", f"{DEVICES[kind]},help"], capture_output=True, check=False)
    return done.returncode == 0


def accelerator() -> str:
    """KVM only where the processor shows it: some hosts have a /dev/kvm on which guests hang."""
    words = pathlib.Path("/proc/cpuinfo").read_text().split()
    works = ("vmx" in words or "svm" in words) and os.access("/dev/kvm", os.R_OK | os.W_OK)
    return "kvm" if works else "tcg"


class Machine:
    """The words of one QEMU, which `add_*` lengthen."""

    def __init__(self, qemu: str, accel: str, cpus: int, memory_mib: int, system):
        memory = f"memory-backend-memfd,id=memory,size={memory_mib}M,share=on"
        self.words = [qemu, "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot",
                      "-machine", "q35,usb=off,dump-guest-core=off,memory-backend=memory",
                      "-accel", accel, "-cpu", "host" if accel == "kvm" else "max", "-smp", str(cpus),
                      "-m", f"{memory_mib}M", "-object", memory, "-rtc", "base=utc",
                      "-device", "virtio-rng-pci", "-kernel", str(system.kernel),
                      "-initrd", str(system.initrd)]
        self.slot = FIRST_SLOT

    def add_console(self, log: pathlib.Path):
        self.words += ["-chardev", f"file,id=log,path={log}", "-serial", "chardev:log"]

    def add_conversation(self):
        """The guest's second serial line is QEMU's standard input and output."""
        self.words += ["-chardev", "stdio,id=talk,signal=off", "-serial", "chardev:talk"]

    def add_kernel_words(self, *words):
        self.words += ["-append", " ".join([*words, "console=ttyS0", "quiet", "net.ifnames=0"])]

    def add_disk(self, name: str, image: pathlib.Path, is_virtio: bool, is_kept: bool):
        """A SATA disk, whose interrupts are not counted as requests, or a virtio-blk one."""
        self.words += ["-drive", f"if=none,id={name},format=raw,file={image},"
                                 f"snapshot={'off' if is_kept else 'on'}"]
        if is_virtio:
            self.words += ["-device", f"virtio-blk-pci,drive={name}"]
        else:
            port = sum(word.startswith("ide-hd,") for word in self.words)
            self.words += ["-device", f"ide-hd,drive={name},bus=ide.{port}"]

    def add_nineroot(self, name: str, socket: pathlib.Path):
        self.words += ["-chardev", f"socket,id={name},path={socket}", "-device",
                       f"{DEVICES['nineroot']},virtio-id=9,num_vqs=1,vq_size=256,config_size=64,"
                       f"chardev={name},addr={self.slot:#x}"]
        self.slot += 1

    def add_qemu_9pfs(self, name: str, directory: pathlib.Path):
        self.words += ["-fsdev", f"local,id={name},security_model=mapped-xattr,multidevs=remap,"
                                 f"path={directory}",
                       "-device", f"{DEVICES['qemu']},fsdev={name},mount_tag={name},addr={self.slot:#x}"]
        self.slot += 1

    def add_virtiofsd(self, name: str, socket: pathlib.Path):
        self.words += ["-chardev", f"socket,id={name},path={socket}", "-device",
                       f"{DEVICES['virtiofsd']},chardev={name},tag={name},addr={self.slot:#x}"]
        self.slot += 1
