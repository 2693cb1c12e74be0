#include "guest/mount_root.h"

#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "guest/private_network.h"
#include "guest/read_text.h"

namespace nineroot::guest {
namespace {

// What the virtio transport can carry: 128 scattered pages less three for its headers.
constexpr std::uint32_t kVirtioMsize = 512000;

// Without zero copy the client allocates two buffers of this size in one piece for each request,
// so the largest possible would fail on fragmented memory.
constexpr std::uint32_t kStreamMsize = 128 * 1024 + 24;

constexpr int kPatienceTenths = 100;

int try_mount(const KernelWords& words, const std::string& target, int stream, bool has_acls) {
  const unsigned long flags = words.is_read_only ? MS_RDONLY : 0;
  const std::string options = mount_options(words, stream, has_acls);
  return mount(words.tag.c_str(), target.c_str(), "9p", flags, options.c_str()) == 0 ? 0 : errno;
}

// Kernels without ACLs on 9P either ignore the option or call it invalid.
int try_mount(const KernelWords& words, const std::string& target, int stream) {
  const int error = try_mount(words, target, stream, true);
  return error == EINVAL ? try_mount(words, target, stream, false) : error;
}

std::vector<std::string> tags_present() {
  const std::string devices = "/sys/bus/virtio/drivers/9pnet_virtio/";
  std::vector<std::string> tags;
  for (const std::string& device : names_in(devices)) {
    if (const Result<std::string> tag = read_text(devices + device + "/mount_tag")) {
      // The kernel gives it with a zero at its end, some versions with a line's end too.
      tags.emplace_back(tag->substr(0, tag->find_first_of(std::string_view("\0\n", 2))));
    }
  }
  return tags;
}

// Asking the kernel by mounting would make it complain in its log each time.
void wait_for_tag(const std::string& tag) {
  for (int tenths = 0; tenths < kPatienceTenths; ++tenths) {
    if (std::ranges::count(tags_present(), tag) > 0) {
      return;
    }
    usleep(100'000);
  }
}

std::string absent_tag(const std::string& tag) {
  std::string present;
  for (const std::string& other : tags_present()) {
    present += (present.empty() ? "\"" : ", \"") + other + '"';
  }
  return "there is no 9P device with the tag \"" + tag + "\" (" +
         (present.empty() ? "none at all" : "there are: " + present) + ")";
}

std::string explain(const KernelWords& words, int stream, int error) {
  if (error == ENODEV) {
    return "this kernel cannot mount 9p: neither built in nor among its modules";
  }
  if (error == ENOENT && !words.uses_tcp) {
    return absent_tag(words.tag);
  }
  if (error == EBUSY && !words.uses_tcp) {
    return "the 9P device with the tag \"" + words.tag + "\" is in use";
  }
  return "cannot mount the root over 9P (" + mount_options(words, stream, false) +
         "): " + error_text(error);
}

}  // namespace

std::string mount_options(const KernelWords& words, int stream, bool has_acls) {
  std::string options;
  if (stream >= 0) {
    const std::string number = std::to_string(stream);
    options = "trans=fd,rfdno=" + number + ",wfdno=" + number;
  } else {
    options = "trans=virtio";
  }
  const std::uint32_t best = stream >= 0 ? kStreamMsize : kVirtioMsize;
  options += ",version=9p2000.L,access=client,msize=" +
             std::to_string(words.msize != 0 ? words.msize : best) + ",cache=" + words.cache;
  if (words.lock_timeout != 0) {
    options += ",locktimeout=" + std::to_string(words.lock_timeout);
  }
  return has_acls ? options + ",posixacl" : options;
}

Or<void> mount_root(const KernelWords& words, const std::string& target) {
  UniqueFd stream;
  if (words.uses_tcp) {
    Or<UniqueFd> connected = connect_to_server();
    if (!connected) {
      return std::unexpected(connected.error());
    }
    stream = std::move(*connected);
  }
  if (!words.uses_tcp) {
    wait_for_tag(words.tag);
  }
  const int error = try_mount(words, target, stream.get());
  if (error != 0) {
    return std::unexpected(explain(words, stream.get(), error));
  }
  return {};
}

}  // namespace nineroot::guest
