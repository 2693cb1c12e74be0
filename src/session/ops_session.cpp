// Tversion Tattach Tflush Twalk Tclunk Tremove: sessions and fids.
#include <algorithm>

#include "session/qid.h"
#include "session/reply.h"
#include "session/session.h"

namespace nineroot::session {
namespace {

constexpr std::uint32_t kPage = 4096;

/// Payload of whole pages, if there is room for one: v9fs then reads and writes aligned chunks.
std::uint32_t negotiate_msize(std::uint32_t asked, std::uint32_t limit) {
  const std::uint32_t msize = std::min(asked, limit);
  if (msize < kPage + wire::kIoHeaderSize) {
    return msize;
  }
  const auto payload = msize - static_cast<std::uint32_t>(wire::kIoHeaderSize);
  return payload / kPage * kPage + static_cast<std::uint32_t>(wire::kIoHeaderSize);
}

}  // namespace

Result<void> Session::on_version(wire::Exchange& exchange, const wire::Tversion& m) {
  end();
  msize_ = 0;
  if (m.msize < wire::kMinMsize) {
    return fail(EMSGSIZE);
  }
  const std::uint32_t msize = negotiate_msize(m.msize, options_.max_msize);
  if (m.version != "9P2000.L") {
    reply(exchange, wire::Rversion{.msize = msize, .version = "unknown"});
    return {};
  }
  msize_ = msize;
  reply(exchange, wire::Rversion{.msize = msize, .version = "9P2000.L"});
  return {};
}

Result<fs::NodeRef> Session::walk_aname(std::string_view aname) {
  fs::NodeRef node = tree_.root();
  while (!aname.empty()) {
    const std::size_t slash = aname.find('/');
    const std::string_view part = aname.substr(0, slash);
    aname.remove_prefix(slash == std::string_view::npos ? aname.size() : slash + 1);
    if (part.empty() || part == ".") {
      continue;
    }
    const fs::Name name = TRY(fs::Name::parse(part));
    fs::Found found = TRY(tree_.lookup(node, name));
    node = std::move(found.node);
  }
  return node;
}

Result<wire::Rattach> Session::on(const wire::Tattach& m) {
  if (m.afid != wire::kNoFid) {
    return fail(EOPNOTSUPP);  // No authentication: whoever reaches the socket may attach.
  }
  fs::NodeRef node = TRY(walk_aname(m.aname));
  const fs::Attr attr = TRY(tree_.attr(node));
  std::optional<std::uint32_t> uid;
  if (m.n_uname != wire::kNoUid) {
    uid = m.n_uname;
  }
  herald_.note(m);
  TRY(fids_.put(m.fid, Fid{.node = std::move(node), .uid = uid}));
  return wire::Rattach{.qid = make_qid(attr)};
}

Result<void> Session::on_flush(wire::Exchange& exchange, const wire::Tflush& m) {
  const auto found = in_flight_.find(m.oldtag);
  if (found != in_flight_.end()) {
    if (!found->second.can_abandon) {
      // It changes the tree: it must not take effect after the client was told that it is over.
      found->second.flushes.push_back(std::move(exchange).detach());
      ++waiting_flushes_;
      return {};
    }
    InFlight flushed = std::move(found->second);
    in_flight_.erase(found);
    std::move(flushed.pending).drop();
  }
  reply(exchange, wire::Rflush{});
  return {};
}

Result<wire::Rwalk> Session::on(const wire::Twalk& m) {
  if (m.is_too_long()) {
    return fail(EINVAL);
  }
  const Fid* fid = TRY(fids_.get(m.fid));
  if (m.newfid == m.fid && fid->is_open() && m.nwname > 0) {
    return fail(EINVAL);
  }
  wire::Rwalk reply{.nwqid = m.nwname, .wqid = {}};
  fs::NodeRef node = fid->node;
  const auto uid = fid->uid;
  std::shared_ptr<const fs::Place> place = fid->place;
  for (std::size_t i = 0; i < m.nwname; ++i) {
    // An error half way is an error: Linux takes a short Rwalk for ENOENT, whatever it was.
    if (m.wname[i] == "..") {
      fs::Found found = TRY(tree_.parent(node));
      reply.wqid[i] = make_qid(found.attr);
      place = nullptr;
      node = std::move(found.node);
    } else if (m.wname[i] == ".") {
      const fs::Attr attr = TRY(tree_.attr(node));
      if (!S_ISDIR(attr.mode)) {
        return fail(ENOTDIR);
      }
      reply.wqid[i] = make_qid(attr);
    } else {
      const fs::Name name = TRY(fs::Name::parse(m.wname[i]));
      fs::Found found = TRY(tree_.lookup(node, name));
      reply.wqid[i] = make_qid(found.attr);
      place = nullptr;
      if (found.attr.nlink > 1 && !S_ISDIR(found.attr.mode)) {
        place = std::make_shared<fs::Place>(node, std::string(m.wname[i]));
      }
      node = std::move(found.node);
    }
  }
  if (m.newfid != m.fid || m.nwname > 0) {
    TRY(fids_.put(m.newfid, Fid{.node = std::move(node), .uid = uid, .place = std::move(place)}));
  }
  return reply;
}

Result<wire::Rclunk> Session::on(const wire::Tclunk& m) {
  const Fid fid = TRY(fids_.take(m.fid));
  if (const auto* update = std::get_if<XattrUpdate>(&fid.used().xattr)) {
    TRY(commit_xattr(fid.node, *update));
  }
  return wire::Rclunk{};
}

Result<wire::Rremove> Session::on(const wire::Tremove& m) {
  const Fid fid = TRY(fids_.take(m.fid));  // Gone whatever happens.
  TRY(tree_.remove_node(fid.node, fid.place.get()));
  return wire::Rremove{};
}

}  // namespace nineroot::session
