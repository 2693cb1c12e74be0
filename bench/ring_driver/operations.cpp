#include "bench/ring_driver/operations.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/mapped_format.h"
#include "bench/ring_driver/requests.h"

namespace nineroot::bench {
namespace {

void record(const std::filesystem::path& path, std::uint32_t mode) {
  const auto zero = mapped::encode_u32(0);
  const auto bytes = mapped::encode_u32(mode);
  if (::setxattr(path.c_str(), mapped::kXattrUid, zero.data(), zero.size(), 0) != 0 ||
      ::setxattr(path.c_str(), mapped::kXattrGid, zero.data(), zero.size(), 0) != 0 ||
      ::setxattr(path.c_str(), mapped::kXattrMode, bytes.data(), bytes.size(), 0) != 0) {
    throw std::system_error(errno, std::generic_category(), path.string());
  }
}

void make_file(const std::filesystem::path& path, std::size_t size) {
  std::ofstream(path, std::ios::binary) << std::string(size, 'x');
  record(path, S_IFREG | 0644U);
}

}  // namespace

void make_tree(const std::string& path) {
  const std::filesystem::path root(path);
  for (const char* name : {"files", "list", "work"}) {
    std::filesystem::create_directory(root / name);
    record(root / name, S_IFDIR | 0755U);
  }
  for (unsigned i = 0; i < kFiles; ++i) {
    make_file(root / "files" / file_name(i), kPage);
  }
  for (unsigned i = 0; i < kListed; ++i) {
    make_file(root / "list" / file_name(i), 0);
  }
  make_file(root / "large", kLargePayload);
}

void begin_session(Client& client) {
  client.call(wire::Tversion{.msize = static_cast<std::uint32_t>(kLargePayload + 24),
                             .version = "9P2000.L"});
  client.call(wire::Tattach{
      .fid = kRoot, .afid = wire::kNoFid, .uname = "root", .aname = "", .n_uname = 0});
  client.call(walk(kRoot, kFilesDir, "files"));
  client.call(walk(kRoot, kWorkDir, "work"));
  client.call(walk(kRoot, kReader, "large"));
  client.call(wire::Tlopen{.fid = kReader, .flags = O_RDONLY});
  client.call(walk(kRoot, kWriter, "large"));
  client.call(wire::Tlopen{.fid = kWriter, .flags = O_RDWR});
  client.call(walk(kRoot, kLister, "list"));
  client.call(wire::Tlopen{.fid = kLister, .flags = O_RDONLY});
}

std::vector<Operation> operations() {
  std::vector<Operation> all;
  for (auto group : {lookups(), attributes(), contents(), names()}) {
    std::ranges::move(group, std::back_inserter(all));
  }
  return all;
}

}  // namespace nineroot::bench
