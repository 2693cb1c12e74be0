#include "vm/boot_plan.h"

#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

Qemu qemu(bool has_vhost_user) {
  return {.program = "qemu", .version = {7, 2, 0}, .has_vhost_user = has_vhost_user};
}

Kernel kernel(bool has_9p, bool has_9p_tcp) {
  Kernel found;
  found.release = "6.1";
  found.has_9p = has_9p;
  found.has_9p_tcp = has_9p_tcp;
  return found;
}

TEST(ChooseTransport, TakesVhostUserWhereQemuHasItAndElseTcp) {
  EXPECT_EQ(choose_transport("auto", qemu(true), kernel(true, true)), RootTransport::virtio);
  EXPECT_EQ(choose_transport("auto", qemu(false), kernel(true, true)), RootTransport::tcp);
  EXPECT_EQ(choose_transport("tcp", qemu(true), kernel(true, true)), RootTransport::tcp);
}

TEST(ChooseTransport, SaysWhichPartCannotAndWhatToDo) {
  const auto why = [](const char* wanted, const Qemu& with, const Kernel& of) {
    const Outcome<RootTransport> chosen = choose_transport(wanted, with, of);
    return chosen ? std::string() : chosen.error().what();
  };
  EXPECT_EQ(why("vhost-user", qemu(false), kernel(true, true)),
            "QEMU 7.2.0 cannot attach a vhost-user 9P device");
  EXPECT_EQ(why("auto", qemu(true), kernel(false, true)), "the kernel 6.1 has no 9P over virtio");
  EXPECT_EQ(why("auto", qemu(false), kernel(true, false)),
            "the kernel 6.1 has no 9P over TCP, which QEMU 7.2.0 needs");
  EXPECT_EQ(why("smb", qemu(true), kernel(true, true)), "there is no transport smb");
}

}  // namespace
}  // namespace nineroot::vm
