// Numbers of 9P2000.L, each spelled as the protocol spells it.
// Sources: Linux include/net/9p/9p.h; diod's protocol.md; 9P2000 manual section 5.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nineroot::wire {

enum class MsgType : std::uint8_t {
  Rlerror = 7,
  Tstatfs = 8,
  Rstatfs = 9,
  Tlopen = 12,
  Rlopen = 13,
  Tlcreate = 14,
  Rlcreate = 15,
  Tsymlink = 16,
  Rsymlink = 17,
  Tmknod = 18,
  Rmknod = 19,
  Trename = 20,
  Rrename = 21,
  Treadlink = 22,
  Rreadlink = 23,
  Tgetattr = 24,
  Rgetattr = 25,
  Tsetattr = 26,
  Rsetattr = 27,
  Txattrwalk = 30,
  Rxattrwalk = 31,
  Txattrcreate = 32,
  Rxattrcreate = 33,
  Treaddir = 40,
  Rreaddir = 41,
  Tfsync = 50,
  Rfsync = 51,
  Tlock = 52,
  Rlock = 53,
  Tgetlock = 54,
  Rgetlock = 55,
  Tlink = 70,
  Rlink = 71,
  Tmkdir = 72,
  Rmkdir = 73,
  Trenameat = 74,
  Rrenameat = 75,
  Tunlinkat = 76,
  Runlinkat = 77,
  Tversion = 100,
  Rversion = 101,
  Tauth = 102,
  Tattach = 104,
  Rattach = 105,
  Tflush = 108,
  Rflush = 109,
  Twalk = 110,
  Rwalk = 111,
  Tread = 116,
  Rread = 117,
  Twrite = 118,
  Rwrite = 119,
  Tclunk = 120,
  Rclunk = 121,
  Tremove = 122,
  Rremove = 123,
};

inline constexpr std::uint16_t kNoTag = 0xffff;
inline constexpr std::uint32_t kNoFid = 0xffffffff;
inline constexpr std::uint32_t kNoUid = 0xffffffff;

/// size[4] type[1] tag[2].
inline constexpr std::size_t kHeaderSize = 7;
/// Header and ecode[4]: the smallest room in which every request can be answered.
inline constexpr std::size_t kRlerrorSize = 11;
/// Header and count[4], before the data of Rread and Rreaddir.
inline constexpr std::size_t kReadHeaderSize = 11;
/// Header, fid[4] offset[8] count[4], before the data of Twrite.
inline constexpr std::size_t kWriteHeaderSize = 23;
/// What Linux takes off msize for the payload of Tread and Twrite (P9_IOHDRSZ).
inline constexpr std::size_t kIoHeaderSize = 24;

/// Linux refuses a server that lowers msize below this (net/9p/client.c).
inline constexpr std::uint32_t kMinMsize = 4096;
/// The largest msize that Linux asks for on any transport (tcp, unix and fd).
inline constexpr std::uint32_t kMaxMsize = 1U << 20U;
/// P9_MAXWELEM.
inline constexpr std::size_t kMaxWalkNames = 16;

enum QidType : std::uint8_t { kQidFile = 0x00, kQidSymlink = 0x02, kQidDirectory = 0x80 };

/// The server's identity of a file: `path` is unique per inode, not per name.
struct Qid {
  std::uint8_t type = kQidFile;
  std::uint32_t version = 0;
  std::uint64_t path = 0;

  static void fields(auto& m, auto&& f) {
    f(m.type);
    f(m.version);
    f(m.path);
  }

  bool operator==(const Qid&) const = default;
};

/// Tgetattr request_mask and Rgetattr valid.
inline constexpr std::uint64_t kGetattrSize = 0x00000200;
inline constexpr std::uint64_t kGetattrBasic = 0x000007ff;
inline constexpr std::uint64_t kGetattrBtime = 0x00000800;
inline constexpr std::uint64_t kGetattrGen = 0x00001000;
inline constexpr std::uint64_t kGetattrAll = 0x00003fff;

/// Tsetattr valid.
inline constexpr std::uint32_t kSetMode = 0x001;
inline constexpr std::uint32_t kSetUid = 0x002;
inline constexpr std::uint32_t kSetGid = 0x004;
inline constexpr std::uint32_t kSetSize = 0x008;
inline constexpr std::uint32_t kSetAtime = 0x010;
inline constexpr std::uint32_t kSetMtime = 0x020;
inline constexpr std::uint32_t kSetCtime = 0x040;
inline constexpr std::uint32_t kSetAtimeSet = 0x080;
inline constexpr std::uint32_t kSetMtimeSet = 0x100;

/// Tunlinkat flags: the only one that Linux sends (AT_REMOVEDIR).
inline constexpr std::uint32_t kUnlinkRemoveDir = 0x200;

/// Tlock type, flags and Rlock status.
inline constexpr std::uint8_t kLockRead = 0;
inline constexpr std::uint8_t kLockWrite = 1;
inline constexpr std::uint8_t kLockUnlock = 2;
inline constexpr std::uint32_t kLockFlagsBlock = 1;
inline constexpr std::uint32_t kLockFlagsReclaim = 2;
inline constexpr std::uint8_t kLockSuccess = 0;
inline constexpr std::uint8_t kLockBlocked = 1;
inline constexpr std::uint8_t kLockError = 2;

}  // namespace nineroot::wire
