// Txattrwalk Txattrcreate, and the Twrite and Tclunk that finish an update.
#include <sys/xattr.h>

#include "session/session.h"

namespace nineroot::session {
namespace {

/// Linux's own limit for one value (XATTR_SIZE_MAX), also what bounds a fid's memory.
constexpr std::uint64_t kMaxValue = 65536;

}  // namespace

Result<wire::Rxattrwalk> Session::on(const wire::Txattrwalk& m) {
  const Fid* fid = TRY(fids_.get(m.fid));
  if (m.newfid == m.fid) {
    return fail(EINVAL);
  }
  XattrSnapshot snapshot;
  if (m.name.empty()) {
    snapshot.value = TRY(tree_.list_xattrs(fid->node));
  } else {
    snapshot.value = TRY(tree_.get_xattr(fid->node, m.name));
  }
  const std::size_t size = snapshot.value.size();
  snapshot.charge = TRY(xattr_memory_.charge(size));
  Fid reader{.node = fid->node, .uid = fid->uid};
  reader.in_use().xattr = std::move(snapshot);
  TRY(fids_.put(m.newfid, std::move(reader)));
  return wire::Rxattrwalk{.size = size};
}

Result<wire::Rxattrcreate> Session::on(const wire::Txattrcreate& m) {
  Fid* fid = TRY(fids_.get(m.fid));
  if (fid->is_open()) {
    return fail(EINVAL);
  }
  if (m.attr_size > kMaxValue) {
    return fail(E2BIG);
  }
  if ((m.flags & ~std::uint32_t{XATTR_CREATE | XATTR_REPLACE}) != 0 || m.name.empty()) {
    return fail(EINVAL);
  }
  if (m.name.size() > XATTR_NAME_MAX) {
    return fail(ERANGE);
  }
  XattrMemory::Charge charge = TRY(xattr_memory_.charge(m.attr_size));
  fid->in_use().xattr = XattrUpdate{.name = std::string(m.name),
                                    .value = std::vector<std::byte>(m.attr_size),
                                    .filled = 0,
                                    .flags = static_cast<int>(m.flags),
                                    .charge = std::move(charge)};
  return wire::Rxattrcreate{};
}

Result<wire::Rwrite> Session::write_xattr(XattrUpdate& update, const wire::Twrite& m,
                                          const IoVecs& data) const {
  if (m.offset != update.filled) {
    return fail(EINVAL);  // Linux writes a value from its start to its end.
  }
  if (m.count > update.value.size() - update.filled) {
    return fail(ENOSPC);
  }
  update.filled += data.read(0, std::span(update.value).subspan(update.filled, m.count));
  return wire::Rwrite{.count = m.count};
}

Result<void> Session::commit_xattr(const fs::NodeRef& node, const XattrUpdate& update) {
  if (update.filled != update.value.size()) {
    return fail(EINVAL);
  }
  // removexattr(2) arrives as an empty value with XATTR_REPLACE; an ACL is removed by an empty
  // value alone (fs/9p/xattr.c, fs/9p/acl.c).
  const bool is_acl = update.name.starts_with("system.posix_acl_");
  if (update.value.empty() && ((update.flags & XATTR_REPLACE) != 0 || is_acl)) {
    return tree_.remove_xattr(node, update.name);
  }
  // Linux sets an ACL whatever the flags say; before 6.2 its 9P client leaves that to us.
  return tree_.set_xattr(node, update.name, update.value, is_acl ? 0 : update.flags);
}

}  // namespace nineroot::session
