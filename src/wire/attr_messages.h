// Messages on attributes: getattr, setattr, statfs, xattrs.
// Each is its list of fields in wire order; messages.h tells how they are used.
#pragma once

#include <cstdint>
#include <string_view>

#include "wire/types.h"

namespace nineroot::wire {

struct Tstatfs {
  static constexpr MsgType kType = MsgType::Tstatfs;
  std::uint32_t fid = 0;

  static void fields(auto& m, auto&& f) { f(m.fid); }
};

struct Rstatfs {
  static constexpr MsgType kType = MsgType::Rstatfs;
  std::uint32_t type = 0;
  std::uint32_t bsize = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bfree = 0;
  std::uint64_t bavail = 0;
  std::uint64_t files = 0;
  std::uint64_t ffree = 0;
  std::uint64_t fsid = 0;
  std::uint32_t namelen = 0;

  static void fields(auto& m, auto&& f) {
    f(m.type);
    f(m.bsize);
    f(m.blocks);
    f(m.bfree);
    f(m.bavail);
    f(m.files);
    f(m.ffree);
    f(m.fsid);
    f(m.namelen);
  }
};

struct Tgetattr {
  static constexpr MsgType kType = MsgType::Tgetattr;
  std::uint32_t fid = 0;
  std::uint64_t request_mask = 0;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.request_mask);
  }
};

struct Rgetattr {
  static constexpr MsgType kType = MsgType::Rgetattr;
  std::uint64_t valid = 0;
  Qid qid;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t nlink = 0;
  std::uint64_t rdev = 0;
  std::uint64_t size = 0;
  std::uint64_t blksize = 0;
  std::uint64_t blocks = 0;
  std::uint64_t atime_sec = 0;
  std::uint64_t atime_nsec = 0;
  std::uint64_t mtime_sec = 0;
  std::uint64_t mtime_nsec = 0;
  std::uint64_t ctime_sec = 0;
  std::uint64_t ctime_nsec = 0;
  std::uint64_t btime_sec = 0;
  std::uint64_t btime_nsec = 0;
  std::uint64_t gen = 0;
  std::uint64_t data_version = 0;

  static void fields(auto& m, auto&& f) {
    f(m.valid);
    f(m.qid);
    f(m.mode);
    f(m.uid);
    f(m.gid);
    f(m.nlink);
    f(m.rdev);
    f(m.size);
    f(m.blksize);
    f(m.blocks);
    f(m.atime_sec);
    f(m.atime_nsec);
    f(m.mtime_sec);
    f(m.mtime_nsec);
    f(m.ctime_sec);
    f(m.ctime_nsec);
    f(m.btime_sec);
    f(m.btime_nsec);
    f(m.gen);
    f(m.data_version);
  }
};

struct Tsetattr {
  static constexpr MsgType kType = MsgType::Tsetattr;
  std::uint32_t fid = 0;
  std::uint32_t valid = 0;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
  std::uint64_t atime_sec = 0;
  std::uint64_t atime_nsec = 0;
  std::uint64_t mtime_sec = 0;
  std::uint64_t mtime_nsec = 0;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.valid);
    f(m.mode);
    f(m.uid);
    f(m.gid);
    f(m.size);
    f(m.atime_sec);
    f(m.atime_nsec);
    f(m.mtime_sec);
    f(m.mtime_nsec);
  }
};

struct Rsetattr {
  static constexpr MsgType kType = MsgType::Rsetattr;

  static void fields(auto&, auto&&) {}
};

struct Txattrwalk {
  static constexpr MsgType kType = MsgType::Txattrwalk;
  std::uint32_t fid = 0;
  std::uint32_t newfid = 0;
  std::string_view name;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.newfid);
    f(m.name);
  }
};

struct Rxattrwalk {
  static constexpr MsgType kType = MsgType::Rxattrwalk;
  std::uint64_t size = 0;

  static void fields(auto& m, auto&& f) { f(m.size); }
};

struct Txattrcreate {
  static constexpr MsgType kType = MsgType::Txattrcreate;
  std::uint32_t fid = 0;
  std::string_view name;
  std::uint64_t attr_size = 0;
  std::uint32_t flags = 0;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.name);
    f(m.attr_size);
    f(m.flags);
  }
};

struct Rxattrcreate {
  static constexpr MsgType kType = MsgType::Rxattrcreate;

  static void fields(auto&, auto&&) {}
};

}  // namespace nineroot::wire
