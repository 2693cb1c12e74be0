// The program that is /init of our initramfs.
#include <unistd.h>

#include "guest/init.h"
#include "guest/report.h"

int main(int, char** arguments) {
  if (getpid() != 1) {
    nineroot::guest::say("this is the init of a nineroot initramfs; it runs as process 1 only");
    return 2;
  }
  nineroot::guest::boot(arguments, environ);
}
