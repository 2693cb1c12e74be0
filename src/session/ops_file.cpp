// Tlopen Tlcreate Tread Twrite Treaddir Tfsync: open files.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "session/qid.h"
#include "session/reply.h"
#include "session/session.h"

namespace nineroot::session {
namespace {

/// The flags of 9P2000.L are numbers of its own (Linux include/net/9p/9p.h, P9_DOTL_*).
constexpr std::uint32_t kDotlAccmode = 03;
constexpr std::uint32_t kDotlExcl = 0200;
constexpr std::uint32_t kDotlTrunc = 01000;
constexpr std::uint32_t kDotlAppend = 02000;
constexpr std::uint32_t kDotlDsync = 010000;
constexpr std::uint32_t kDotlSync = 04000000;

/// Those that mean something here as open(2) spells them.  Guests open what they have created with
/// O_CREAT again, so that flag says nothing.
int host_flags(std::uint32_t flags) {
  int result = static_cast<int>(flags & kDotlAccmode);
  result |= (flags & kDotlExcl) != 0 ? O_EXCL : 0;
  result |= (flags & kDotlTrunc) != 0 ? O_TRUNC : 0;
  result |= (flags & kDotlAppend) != 0 ? O_APPEND : 0;
  result |= (flags & kDotlDsync) != 0 ? O_DSYNC : 0;
  result |= (flags & kDotlSync) != 0 ? O_SYNC : 0;
  return result;
}

/// A whole R-message for a worker's result.
template <class Message>
std::size_t encode_result(std::uint16_t tag, const Result<Message>& result,
                          std::span<std::byte> room) {
  if (result) {
    return wire::encode(tag, *result, room);
  }
  return wire::encode(tag, wire::Rlerror{.ecode = static_cast<std::uint32_t>(code(result.error()))},
                      room);
}

/// The header of Rread or Rreaddir, whose size counts the data behind it.
template <class Message>
std::array<std::byte, wire::kReadHeaderSize> data_header(std::uint16_t tag, std::size_t size) {
  std::array<std::byte, wire::kReadHeaderSize> header{};
  (void)wire::encode(tag, Message{.count = static_cast<std::uint32_t>(size)}, header);
  wire::Writer total(header);
  total(static_cast<std::uint32_t>(wire::kReadHeaderSize + size));
  return header;
}

}  // namespace

void Session::hold_open(Fid& fid, std::shared_ptr<fs::OpenFile> file) {
  FidUse& use = fid.in_use();
  if (file->is_writable()) {
    use.writes = std::make_unique<Writers::Mark>(writers_, fid.node);
  }
  use.file = std::move(file);
}

Result<wire::Rlopen> Session::on(const wire::Tlopen& m) {
  Fid* fid = TRY(fids_.get(m.fid));
  if (fid->is_open()) {
    return fail(EINVAL);
  }
  fs::Opened opened = TRY(tree_.open(fid->node, host_flags(m.flags)));
  hold_open(*fid, std::move(opened.file));
  return wire::Rlopen{.qid = make_qid(opened.attr), .iounit = 0};
}

Result<wire::Rlcreate> Session::on(const wire::Tlcreate& m) {
  Fid* fid = TRY(directory(m.fid));
  const auto name = fs::Name::parse(m.name);
  if (!name && (m.name == "." || m.name == "..")) {
    return fail(EEXIST);
  }
  const fs::Name good_name = TRY(name);
  fs::Created created = TRY(tree_.create(fid->node, good_name, host_flags(m.flags), m.mode,
                                         {.uid = fid->uid, .gid = m.gid}));
  herald_.note_created(fid->node, m.name, created.found);
  fid->node = std::move(created.found.node);
  hold_open(*fid, std::move(created.file));
  return wire::Rlcreate{.qid = make_qid(created.found.attr), .iounit = 0};
}

Result<void> Session::on_read(wire::Exchange& exchange, const wire::Tread& m) {
  const Fid* fid = TRY(fids_.get(m.fid));
  const std::size_t count = payload_room(exchange, m.count, wire::kReadHeaderSize);
  const IoVecs payload = exchange.reply().slice(wire::kReadHeaderSize, count);
  std::size_t size = 0;
  if (const auto* xattr = std::get_if<XattrSnapshot>(&fid->used().xattr)) {
    const std::size_t from = std::min<std::uint64_t>(m.offset, xattr->value.size());
    size = payload.write(0, std::span(xattr->value).subspan(from));
  } else if (fid->used().file == nullptr) {
    return fail(EBADF);
  } else {
    const auto read = fid->used().file->read(payload, m.offset, false);
    if (!read && read.error() == Errno{EAGAIN}) {
      run_later(exchange, true,
                [file = fid->used().file, offset = m.offset, count,
                 tag = exchange.tag()](std::span<std::byte> reply) -> std::size_t {
                  const IoVecs to(reply.subspan(wire::kReadHeaderSize, count));
                  const auto got = file->read(to, offset, true);
                  if (!got) {
                    return encode_result(tag, Result<wire::Rread>(fail(code(got.error()))), reply);
                  }
                  std::ranges::copy(data_header<wire::Rread>(tag, *got), reply.begin());
                  return wire::kReadHeaderSize + *got;
                });
      return {};
    }
    size = TRY(read);
  }
  exchange.reply().write(0, data_header<wire::Rread>(exchange.tag(), size));
  std::move(exchange).complete(wire::kReadHeaderSize + size);
  return {};
}

Result<void> Session::on_write(wire::Exchange& exchange, const wire::Twrite& m) {
  Fid* fid = TRY(fids_.get(m.fid));
  const IoVecs data = exchange.request().slice(wire::kWriteHeaderSize, m.count);
  if (exchange.request().size() != wire::kWriteHeaderSize + m.count) {
    return fail(EPROTO);
  }
  if (fid->use == nullptr) {
    return fail(EBADF);
  }
  if (auto* update = std::get_if<XattrUpdate>(&fid->use->xattr)) {
    const wire::Rwrite answer = TRY(write_xattr(*update, m, data));
    reply(exchange, answer);
    return {};
  }
  const std::shared_ptr<fs::OpenFile>& open = fid->use->file;
  if (open == nullptr) {
    return fail(EBADF);
  }
  if (const auto void_answer = herald_.answer(*fid, m, data)) {
    const wire::Rwrite answer = TRY(*void_answer);
    reply(exchange, answer);
    return {};
  }
  // What comes by the herald's is written back for others, as root.
  if (fid->uid != 0U && fid->uid != kHeraldUid && open->is_writable()) {
    // Not every client does it itself: Linux 6.1 does not with cache=none and mmap.
    TRY(tree_.drop_set_id(fid->node));
  }
  if (!open->is_synchronous()) {
    const std::size_t size = TRY(open->write(data, m.offset));
    if (herald_.is_here()) {
      herald_.note_changed(m.fid);
    }
    reply(exchange, wire::Rwrite{.count = static_cast<std::uint32_t>(size)});
    return {};
  }
  std::vector<std::byte> bytes(data.size());
  data.read(0, bytes);
  run_later(exchange, false,
            [file = open, offset = m.offset, tag = exchange.tag(),
             bytes = std::move(bytes)](std::span<std::byte> reply) mutable {
              Result<wire::Rwrite> answer;
              if (const auto size = file->write(IoVecs(bytes), offset)) {
                answer = wire::Rwrite{.count = static_cast<std::uint32_t>(*size)};
              } else {
                answer = fail(code(size.error()));
              }
              return encode_result(tag, answer, reply);
            });
  return {};
}

Result<void> Session::on_readdir(wire::Exchange& exchange, const wire::Treaddir& m) {
  const Fid* fid = TRY(fids_.get(m.fid));
  if (fid->used().file == nullptr) {
    return fail(EBADF);
  }
  const std::size_t count = payload_room(exchange, m.count, wire::kReadHeaderSize);
  scratch_.resize(std::max(scratch_.size(), count));
  const std::span<std::byte> room = std::span(scratch_).first(count);
  wire::Writer entries(room);
  bool is_cut = false;
  TRY(fid->used().file->read_dir(m.offset, [&](const fs::DirEntry& entry) {
    const wire::Dirent dirent{.qid = make_qid(entry.number, entry.type),
                              .offset = entry.next,
                              .type = static_cast<std::uint8_t>(IFTODT(entry.type)),
                              .name = entry.name};
    // qid[13] offset[8] type[1] name[s]: an entry is never split.
    constexpr std::size_t kFixedSize = 13 + 8 + 1 + 2;
    is_cut = kFixedSize + entry.name.size() > count - entries.size();
    if (!is_cut) {
      entries(dirent);
    }
    return !is_cut;
  }));
  if (is_cut && entries.size() == 0) {
    return fail(EINVAL);  // An empty reply would mean the end of the directory.
  }
  exchange.reply().write(0, data_header<wire::Rreaddir>(exchange.tag(), entries.size()));
  exchange.reply().write(wire::kReadHeaderSize, std::span(scratch_).first(entries.size()));
  std::move(exchange).complete(wire::kReadHeaderSize + entries.size());
  return {};
}

Result<void> Session::on_fsync(wire::Exchange& exchange, const wire::Tfsync& m) {
  const Fid* fid = TRY(fids_.get(m.fid));
  if (fid->used().file == nullptr) {
    return fail(EBADF);
  }
  run_later(exchange, true,
            [file = fid->used().file, is_data_only = m.datasync != 0,
             tag = exchange.tag()](std::span<std::byte> reply) {
              Result<wire::Rfsync> answer;
              if (const auto synced = file->sync(is_data_only); !synced) {
                answer = fail(code(synced.error()));
              }
              return encode_result(tag, answer, reply);
            });
  return {};
}

}  // namespace nineroot::session
