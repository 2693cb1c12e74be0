// How the herald moves a directory of the guest's to where it is on the host.
#include <sys/stat.h>

#include "session/herald.h"
#include "session/qid.h"

namespace nineroot::session {

bool Herald::moves_from(const Fid& dir, std::string_view name) const {
  return intent_ == Intent::moves && dir.node.get() == old_dir_.get() && name == old_name_;
}

// The directory, if it is by its new name only.
Result<fs::Found> Herald::moved() const {
  const fs::Name name = TRY(fs::Name::parse(name_));
  const fs::Name old_name = TRY(fs::Name::parse(old_name_));
  const Result<fs::Found> old = tree_.lookup(old_dir_, old_name);
  if (old) {
    return fail(ESTALE);
  }
  if (old.error() != Errno{ENOENT}) {
    return std::unexpected(old.error());
  }
  fs::Found found = TRY(tree_.lookup(dir_, name));
  if (!S_ISDIR(found.attr.mode)) {
    return fail(ESTALE);
  }
  return found;
}

// The client keeps this fid for the directory by its new name.
Result<wire::Rwalk> Herald::walk_to_moved(const wire::Twalk& m, const Fid& dir) {
  fs::Found found = TRY(moved());
  wire::Rwalk reply{.nwqid = 1, .wqid = {}};
  reply.wqid[0] = make_qid(found.attr);
  TRY(fids_.put(m.newfid, {.node = std::move(found.node), .uid = dir.uid}));
  return reply;
}

std::optional<Result<wire::Rrenameat>> Herald::answer(const wire::Trenameat& m) {
  const Fid* old_dir = find(m.olddirfid);
  if (old_dir == nullptr) {
    return std::nullopt;
  }
  const Fid* dir = find(m.newdirfid);
  if (dir == nullptr || !moves_from(*old_dir, m.oldname) || !intends(*dir, m.newname)) {
    return fail(EROFS);
  }
  const Result<fs::Found> found = moved();
  forget();
  if (!found) {
    return std::unexpected(found.error());
  }
  return wire::Rrenameat{};
}

}  // namespace nineroot::session
