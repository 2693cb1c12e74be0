// fs attributes as 9P qids.
#pragma once

#include <sys/stat.h>

#include "fs/attr.h"
#include "wire/types.h"

namespace nineroot::session {

/// `version` is the same for every file and not 0: Linux treats a file of version 0 as uncacheable,
/// and one whose version changes as another inode (fs/9p/vfs_inode_dotl.c v9fs_test_inode_dotl).
[[nodiscard]] inline wire::Qid make_qid(std::uint64_t number, std::uint32_t mode) {
  constexpr std::uint32_t kVersion = 1;
  std::uint8_t type = wire::kQidFile;
  if (S_ISDIR(mode)) {
    type = wire::kQidDirectory;
  } else if (S_ISLNK(mode)) {
    type = wire::kQidSymlink;
  }
  return {.type = type, .version = kVersion, .path = number};
}

[[nodiscard]] inline wire::Qid make_qid(const fs::Attr& attr) {
  return make_qid(attr.number, attr.mode);
}

}  // namespace nineroot::session
