// Messages on open files and directories: open, create, read, write, readdir, fsync, locks.
// Each is its list of fields in wire order; messages.h tells how they are used.
#pragma once

#include <cstdint>
#include <string_view>

#include "wire/types.h"

namespace nineroot::wire {

struct Tlopen {
  static constexpr MsgType kType = MsgType::Tlopen;
  std::uint32_t fid = 0;
  std::uint32_t flags = 0;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.flags);
  }
};

struct Rlopen {
  static constexpr MsgType kType = MsgType::Rlopen;
  Qid qid;
  std::uint32_t iounit = 0;

  static void fields(auto& m, auto&& f) {
    f(m.qid);
    f(m.iounit);
  }
};

struct Tlcreate {
  static constexpr MsgType kType = MsgType::Tlcreate;
  std::uint32_t fid = 0;
  std::string_view name;
  std::uint32_t flags = 0;
  std::uint32_t mode = 0;
  std::uint32_t gid = 0;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.name);
    f(m.flags);
    f(m.mode);
    f(m.gid);
  }
};

struct Rlcreate {
  static constexpr MsgType kType = MsgType::Rlcreate;
  Qid qid;
  std::uint32_t iounit = 0;

  static void fields(auto& m, auto&& f) {
    f(m.qid);
    f(m.iounit);
  }
};

struct Tread {
  static constexpr MsgType kType = MsgType::Tread;
  std::uint32_t fid = 0;
  std::uint64_t offset = 0;
  std::uint32_t count = 0;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.offset);
    f(m.count);
  }
};

/// The fixed part of Rread and Rreaddir; `count` bytes of data follow.
struct Rread {
  static constexpr MsgType kType = MsgType::Rread;
  std::uint32_t count = 0;

  static void fields(auto& m, auto&& f) { f(m.count); }
};

/// The fixed part; `count` bytes of data follow.
struct Twrite {
  static constexpr MsgType kType = MsgType::Twrite;
  std::uint32_t fid = 0;
  std::uint64_t offset = 0;
  std::uint32_t count = 0;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.offset);
    f(m.count);
  }
};

struct Rwrite {
  static constexpr MsgType kType = MsgType::Rwrite;
  std::uint32_t count = 0;

  static void fields(auto& m, auto&& f) { f(m.count); }
};

struct Treaddir {
  static constexpr MsgType kType = MsgType::Treaddir;
  std::uint32_t fid = 0;
  std::uint64_t offset = 0;
  std::uint32_t count = 0;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.offset);
    f(m.count);
  }
};

struct Rreaddir {
  static constexpr MsgType kType = MsgType::Rreaddir;
  std::uint32_t count = 0;

  static void fields(auto& m, auto&& f) { f(m.count); }
};

/// One entry in the data of Rreaddir.  `offset` is where the next Treaddir goes on; `type` is
/// DT_* of readdir(3).
struct Dirent {
  Qid qid;
  std::uint64_t offset = 0;
  std::uint8_t type = 0;
  std::string_view name;

  static void fields(auto& m, auto&& f) {
    f(m.qid);
    f(m.offset);
    f(m.type);
    f(m.name);
  }
};

struct Tfsync {
  static constexpr MsgType kType = MsgType::Tfsync;
  std::uint32_t fid = 0;
  std::uint32_t datasync = 0;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.datasync);
  }
};

struct Rfsync {
  static constexpr MsgType kType = MsgType::Rfsync;

  static void fields(auto&, auto&&) {}
};

struct Tlock {
  static constexpr MsgType kType = MsgType::Tlock;
  std::uint32_t fid = 0;
  std::uint8_t type = 0;
  std::uint32_t flags = 0;
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::uint32_t proc_id = 0;
  std::string_view client_id;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.type);
    f(m.flags);
    f(m.start);
    f(m.length);
    f(m.proc_id);
    f(m.client_id);
  }
};

struct Rlock {
  static constexpr MsgType kType = MsgType::Rlock;
  std::uint8_t status = 0;

  static void fields(auto& m, auto&& f) { f(m.status); }
};

struct Tgetlock {
  static constexpr MsgType kType = MsgType::Tgetlock;
  std::uint32_t fid = 0;
  std::uint8_t type = 0;
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::uint32_t proc_id = 0;
  std::string_view client_id;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.type);
    f(m.start);
    f(m.length);
    f(m.proc_id);
    f(m.client_id);
  }
};

struct Rgetlock {
  static constexpr MsgType kType = MsgType::Rgetlock;
  std::uint8_t type = 0;
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::uint32_t proc_id = 0;
  std::string_view client_id;

  static void fields(auto& m, auto&& f) {
    f(m.type);
    f(m.start);
    f(m.length);
    f(m.proc_id);
    f(m.client_id);
  }
};

}  // namespace nineroot::wire
