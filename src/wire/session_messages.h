// Messages that make and end sessions and fids: version, attach, flush, walk, clunk, remove.
// Each is its list of fields in wire order; messages.h tells how they are used.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "wire/types.h"

namespace nineroot::wire {

struct Rlerror {
  static constexpr MsgType kType = MsgType::Rlerror;
  std::uint32_t ecode = 0;

  static void fields(auto& m, auto&& f) { f(m.ecode); }
};

struct Tversion {
  static constexpr MsgType kType = MsgType::Tversion;
  std::uint32_t msize = 0;
  std::string_view version;

  static void fields(auto& m, auto&& f) {
    f(m.msize);
    f(m.version);
  }
};

struct Rversion {
  static constexpr MsgType kType = MsgType::Rversion;
  std::uint32_t msize = 0;
  std::string_view version;

  static void fields(auto& m, auto&& f) {
    f(m.msize);
    f(m.version);
  }
};

struct Tauth {
  static constexpr MsgType kType = MsgType::Tauth;
  std::uint32_t afid = 0;
  std::string_view uname;
  std::string_view aname;
  std::uint32_t n_uname = 0;

  static void fields(auto& m, auto&& f) {
    f(m.afid);
    f(m.uname);
    f(m.aname);
    f(m.n_uname);
  }
};

struct Tattach {
  static constexpr MsgType kType = MsgType::Tattach;
  std::uint32_t fid = 0;
  std::uint32_t afid = 0;
  std::string_view uname;
  std::string_view aname;
  std::uint32_t n_uname = 0;

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.afid);
    f(m.uname);
    f(m.aname);
    f(m.n_uname);
  }
};

struct Rattach {
  static constexpr MsgType kType = MsgType::Rattach;
  Qid qid;

  static void fields(auto& m, auto&& f) { f(m.qid); }
};

struct Tflush {
  static constexpr MsgType kType = MsgType::Tflush;
  std::uint16_t oldtag = 0;

  static void fields(auto& m, auto&& f) { f(m.oldtag); }
};

struct Rflush {
  static constexpr MsgType kType = MsgType::Rflush;

  static void fields(auto&, auto&&) {}
};

/// nwname may say more than fits: decoding then fails by setting is_too_long.
struct Twalk {
  static constexpr MsgType kType = MsgType::Twalk;
  std::uint32_t fid = 0;
  std::uint32_t newfid = 0;
  std::uint16_t nwname = 0;
  std::array<std::string_view, kMaxWalkNames> wname;

  [[nodiscard]] bool is_too_long() const { return nwname > kMaxWalkNames; }

  static void fields(auto& m, auto&& f) {
    f(m.fid);
    f(m.newfid);
    f(m.nwname);
    for (std::size_t i = 0; i < m.nwname && i < kMaxWalkNames; ++i) {
      f(m.wname[i]);
    }
  }
};

struct Rwalk {
  static constexpr MsgType kType = MsgType::Rwalk;
  std::uint16_t nwqid = 0;
  std::array<Qid, kMaxWalkNames> wqid;

  static void fields(auto& m, auto&& f) {
    f(m.nwqid);
    for (std::size_t i = 0; i < m.nwqid && i < kMaxWalkNames; ++i) {
      f(m.wqid[i]);
    }
  }
};

struct Tclunk {
  static constexpr MsgType kType = MsgType::Tclunk;
  std::uint32_t fid = 0;

  static void fields(auto& m, auto&& f) { f(m.fid); }
};

struct Rclunk {
  static constexpr MsgType kType = MsgType::Rclunk;

  static void fields(auto&, auto&&) {}
};

struct Tremove {
  static constexpr MsgType kType = MsgType::Tremove;
  std::uint32_t fid = 0;

  static void fields(auto& m, auto&& f) { f(m.fid); }
};

struct Rremove {
  static constexpr MsgType kType = MsgType::Rremove;

  static void fields(auto&, auto&&) {}
};

}  // namespace nineroot::wire
