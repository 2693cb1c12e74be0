"""A Debian guest on its directory over vhost-user, with a recent QEMU."""
import checks
from guest import check, finish, running

with running("--transport", "vhost-user") as machine:
    check("carried by virtio", "trans=virtio" in machine.shell("grep ' / ' /proc/mounts"))
    checks.both_sides(machine)
    checks.attributes(machine)
    checks.programs(machine)
    checks.software(machine, "privileges", "sqlite", "xattrs")
    checks.command_passing(machine)
    checks.only_once(machine)
    checks.reboot(machine)
    checks.power_off(machine)
finish()
