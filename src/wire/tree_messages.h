// Messages on names: make, link, rename, remove, symlinks.
// Each is its list of fields in wire order; messages.h tells how they are used.
#pragma once

#include <cstdint>
#include <string_view>

#include "wire/types.h"

namespace nineroot::wire {

struct Tsymlink {
  static constexpr MsgType kType = MsgType::Tsymlink;
  std::uint32_t dfid = 0;
  std::string_view name;
  std::string_view symtgt;
  std::uint32_t gid = 0;

  static void fields(auto& m, auto&& f) {
    f(m.dfid);
    f(m.name);
    f(m.symtgt);
    f(m.gid);
  }
};

struct Rsymlink {
  static constexpr MsgType kType = MsgType::Rsymlink;
  Qid qid;

  static void fields(auto& m, auto&& f) { f(m.qid); }
};

struct Tmknod {
  static constexpr MsgType kType = MsgType::Tmknod;
  std::uint32_t dfid = 0;
  std::string_view name;
  std::uint32_t mode = 0;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t gid = 0;

  static void fields(auto& m, auto&& f) {
    f(m.dfid);
    f(m.name);
    f(m.mode);
    f(m.major);
    f(m.minor);
    f(m.gid);
  }
};

struct Rmknod {
  static constexpr MsgType kType = MsgType::Rmknod;
  Qid qid;

  static void fields(auto& m, auto&& f) { f(m.qid); }
};

struct Tmkdir {
  static constexpr MsgType kType = MsgType::Tmkdir;
  std::uint32_t dfid = 0;
  std::string_view name;
  std::uint32_t mode = 0;
  std::uint32_t gid = 0;

  static void fields(auto& m, auto&& f) {
    f(m.dfid);
    f(m.name);
    f(m.mode);
    f(m.gid);
  }
};

struct Rmkdir {
  static constexpr MsgType kType = MsgType::Rmkdir;
  Qid qid;

  static void fields(auto& m, auto&& f) { f(m.qid); }
};

struct Tlink {
  static constexpr MsgType kType = MsgType::Tlink;
  std::uint32_t dfid = 0;
  std::uint32_t fid = 0;
  std::string_view name;

  static void fields(auto& m, auto&& f) {
    f(m.dfid);
    f(m.fid);
    f(m.name);
  }
};

struct Rlink {
  static constexpr MsgType kType = MsgType::Rlink;

  static void fields(auto&, auto&&) {}
};

struct Trename {
  static constexpr MsgType kType = MsgType::Trename;
  std::uint32_t fid = 0;
  std::uint32_t dfid = 0;
  std::string_view name;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.dfid);
    f(m.name);
  }
};

struct Rrename {
  static constexpr MsgType kType = MsgType::Rrename;

  static void fields(auto&, auto&&) {}
};

struct Trenameat {
  static constexpr MsgType kType = MsgType::Trenameat;
  std::uint32_t olddirfid = 0;
  std::string_view oldname;
  std::uint32_t newdirfid = 0;
  std::string_view newname;

  static void fields(auto& m, auto&& f) {
    f(m.olddirfid);
    f(m.oldname);
    f(m.newdirfid);
    f(m.newname);
  }
};

struct Rrenameat {
  static constexpr MsgType kType = MsgType::Rrenameat;

  static void fields(auto&, auto&&) {}
};

struct Tunlinkat {
  static constexpr MsgType kType = MsgType::Tunlinkat;
  std::uint32_t dirfd = 0;
  std::string_view name;
  std::uint32_t flags = 0;

  static void fields(auto& m, auto&& f) {
    f(m.dirfd);
    f(m.name);
    f(m.flags);
  }
};

struct Runlinkat {
  static constexpr MsgType kType = MsgType::Runlinkat;

  static void fields(auto&, auto&&) {}
};

struct Treadlink {
  static constexpr MsgType kType = MsgType::Treadlink;
  std::uint32_t fid = 0;

  static void fields(auto& m, auto&& f) { f(m.fid); }
};

struct Rreadlink {
  static constexpr MsgType kType = MsgType::Rreadlink;
  std::string_view target;

  static void fields(auto& m, auto&& f) { f(m.target); }
};

}  // namespace nineroot::wire
