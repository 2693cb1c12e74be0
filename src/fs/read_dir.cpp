// Reading directories: the host's entries with the guest's types and numbers.
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <cstddef>
#include <cstring>

#include "fs/open_file.h"
#include "fs/sys.h"
#include "fs/tree.h"

namespace nineroot::fs {
namespace {

/// linux_dirent64 as getdents64(2) lays it out.
constexpr std::size_t kInoAt = 0;
constexpr std::size_t kOffAt = 8;
constexpr std::size_t kRecordSizeAt = 16;
constexpr std::size_t kTypeAt = 18;
constexpr std::size_t kNameAt = 19;

constexpr std::size_t kBufferSize = 32768;

struct HostEntry {
  std::uint64_t inode = 0;
  std::int64_t offset = 0;
  std::uint16_t record_size = 0;
  std::uint8_t type = 0;
  const char* name = nullptr;
};

HostEntry host_entry(const std::byte* record) {
  HostEntry entry;
  std::memcpy(&entry.inode, record + kInoAt, sizeof(entry.inode));
  std::memcpy(&entry.offset, record + kOffAt, sizeof(entry.offset));
  std::memcpy(&entry.record_size, record + kRecordSizeAt, sizeof(entry.record_size));
  std::memcpy(&entry.type, record + kTypeAt, sizeof(entry.type));
  entry.name = reinterpret_cast<const char*>(record + kNameAt);
  return entry;
}

std::uint64_t device_of(const InodeId& id) {
  return id.device;
}

}  // namespace

Result<DirEntry> OpenFile::guest_entry(int fd, std::uint64_t inode, std::uint8_t host_type,
                                       const char* name) {
  DirEntry entry{.number = 0, .type = DTTOIF(std::uint32_t{host_type}), .next = 0, .name = name};
  const std::uint64_t listed_inode = inode;
  std::uint64_t device = device_of(node_->id());
  if (entry.name == "." || entry.name == "..") {
    const NodeRef shown = entry.name == "." ? node_ : tree_.table_.parent(node_);
    device = device_of(shown->id());
    inode = shown->id().inode;
  } else if (host_type == DT_DIR || host_type == DT_UNKNOWN) {
    if (const auto stat = sys::stat_at(fd, name)) {
      const InodeId id = id_of(*stat);
      device = id.device;
      inode = id.inode;
      entry.type = stat->stx_mode & S_IFMT;
    }
  }
  if (S_ISREG(entry.type) && tree_.identity_->maps_types()) {
    entry.type = tree_.identity_->type_of_regular(fd, name);
  }
  if (device == device_of(node_->id())) {
    entry.number = TRY(tree_.numbers_.number(device, inode, fd));
    return entry;
  }
  // Another file system is mounted here; numbers ask it for its id.
  const auto mounted = sys::open_beneath(fd, name, O_PATH);
  const auto number = tree_.numbers_.number(device, inode, mounted ? mounted->get() : fd);
  if (!number && number.error() == Errno{ENODEV}) {
    // Listed though it may not be entered, under the number of the directory that it covers.
    entry.number = listed_inode;
  } else {
    entry.number = TRY(number);
  }
  return entry;
}

Result<void> OpenFile::read_dir(std::uint64_t offset,
                                const std::function<bool(const DirEntry&)>& take) {
  if (!is_directory_) {
    return fail(ENOTDIR);
  }
  const FdLease fd = TRY(lease());
  if (::lseek(fd.fd(), static_cast<off_t>(offset), SEEK_SET) < 0) {
    return fail_errno();
  }
  alignas(8) std::byte buffer[kBufferSize];
  while (true) {
    const long size = ::syscall(SYS_getdents64, fd.fd(), buffer, sizeof(buffer));
    if (size < 0) {
      // POSIX lets a removed directory that is still open read as empty.
      return errno == ENOENT ? Result<void>{} : fail_errno();
    }
    if (size == 0) {
      return {};
    }
    for (long at = 0; at < size;) {
      const HostEntry host = host_entry(buffer + at);
      at += host.record_size;
      if (tree_.identity_->is_hidden(host.name)) {
        continue;
      }
      DirEntry entry = TRY(guest_entry(fd.fd(), host.inode, host.type, host.name));
      entry.next = static_cast<std::uint64_t>(host.offset);
      if (!take(entry)) {
        return {};
      }
    }
  }
}

}  // namespace nineroot::fs
