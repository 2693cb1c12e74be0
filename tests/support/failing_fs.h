// A disk that fails on demand: a FUSE file system of the test's own, mounted by root.
#pragma once

#include <linux/fuse.h>

#include <map>
#include <mutex>
#include <thread>

#include "base/unique_fd.h"
#include "tests/support/memory_fs.h"
#include "tests/support/temp_dir.h"

namespace nineroot::test {

class FailingFs {
 public:
  /// `at` is made if it is not there.
  explicit FailingFs(const std::filesystem::path& at);
  ~FailingFs();
  FailingFs(const FailingFs&) = delete;
  FailingFs& operator=(const FailingFs&) = delete;

  /// False without root or FUSE.
  [[nodiscard]] bool is_mounted() const { return is_mounted_; }

  /// From now on every request of this kind (FUSE_READ ...) fails with `error`.
  void fail(std::uint32_t opcode, int error);
  void repair();

  /// See MemoryFs.
  void limit_writes(std::uint64_t bytes, int error);

  /// As if the process behind it had died: ENOTCONN from now on.
  void die();

 private:
  void serve();

  std::filesystem::path path_;
  UniqueFd device_;
  bool is_mounted_ = false;
  std::mutex mutex_;
  MemoryFs files_;
  std::map<std::uint32_t, int> errors_;
  std::jthread thread_;
};

}  // namespace nineroot::test
