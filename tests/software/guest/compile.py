"""gcc: a kernel module built by dkms and loaded, and a program of some dozen files built by make -j."""
import os

from report import attempt, check, check_equal, finish, need, sh, skip, version, work_place

need("gcc", "make")
version(sh("gcc --version | head -n1"))
place = work_place("compile")
sh(
    r"""
for i in $(seq 60); do
  printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint f%d(int x) { char b[99]; snprintf(b, 99, "%%d", x); return atoi(b) + %d; }\n' $i $i > f$i.c
done
{ for i in $(seq 60); do echo "int f$i(int);"; done; echo '#include <stdio.h>'; echo 'int main(void) { int x = 0;'
  for i in $(seq 60); do echo "x = f$i(x);"; done; echo 'printf("%d\n", x); return 0; }'; } > main.c
printf 'CFLAGS=-O1 -g -MD\nprogram: libf.a main.o\n\tgcc -o $@ main.o libf.a\nlibf.a: $(patsubst %%.c,%%.o,$(wildcard f*.c))\n\tar rcs $@ $^\n-include *.d\n' > Makefile
make -s -j4 program
""",
    directory=place,
)
check_equal("the program runs", sh("./program", directory=place), str(sum(range(1, 61))))
check_equal("make has nothing left to do", sh("make program", directory=place), "make: 'program' is up to date.")
sh("echo >> f7.c", directory=place)
check_equal("one change, one compilation", sh("make program | grep -c ' -c '", directory=place), "1")

release = os.uname().release
modules = sh("ls /usr/src | grep v4l2loopback || true")
if not modules or not os.path.exists(f"/lib/modules/{release}/build"):
    skip("dkms, its module or this kernel's headers are not installed")
name, number = modules.split("-", 1)
sh(
    f"dkms remove {name}/{number} -k {release} >/dev/null 2>&1 || true; dkms install --force {name}/{number} -k {release}"
)
check("dkms installed it", "installed" in sh(f"dkms status {name}"))
check_equal(
    "the kernel loads it",
    attempt(f"modprobe {name} && grep -c ^{name} /proc/modules && modprobe -r {name}"),
    (0, "1"),
)
finish()
