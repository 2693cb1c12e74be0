// The program that is /init of our initramfs, and the agent that it leaves in the guest.
#include <unistd.h>

#include <cstring>

#include "guest/agent_process.h"
#include "guest/init.h"
#include "guest/report.h"

int main(int count, char** arguments) {
  if (count > 0 && std::strcmp(arguments[0], nineroot::guest::kAgentName) == 0) {
    nineroot::guest::run_agent();
  }
  if (getpid() != 1) {
    nineroot::guest::say("this is the init of a nineroot initramfs; it runs as process 1 only");
    return 2;
  }
  nineroot::guest::boot(arguments, environ);
}
