"""The same guest over TCP, with the distribution's own QEMU, which is too old for vhost-user."""
import checks
from guest import STOCK_QEMU, check, finish, running

with running("--transport", "tcp", "--qemu", STOCK_QEMU) as machine:
    check("not carried by virtio", "trans=virtio" not in machine.shell("grep ' / ' /proc/mounts"))
    checks.both_sides(machine)
    checks.attributes(machine)
    checks.command_passing(machine)
    checks.reboot(machine)
    checks.power_off(machine)
finish()
