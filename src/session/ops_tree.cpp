// Tsymlink Tmknod Tmkdir Tlink Trename Trenameat Tunlinkat Treadlink: names.
#include <sys/sysmacros.h>

#include "session/qid.h"
#include "session/session.h"

namespace nineroot::session {
namespace {

/// The name of something to be made: "." and ".." are there already.
Result<fs::Name> new_name(std::string_view text) {
  if (text == "." || text == "..") {
    return fail(EEXIST);
  }
  return fs::Name::parse(text);
}

}  // namespace

/// The fid of a directory in which names are made or changed; it must not be open.
Result<Fid*> Session::directory(std::uint32_t number) {
  Fid* fid = TRY(fids_.get(number));
  if (fid->has_xattr()) {
    return fail(EBADF);
  }
  if (!S_ISDIR(fid->node->host_type())) {
    return fail(ENOTDIR);
  }
  return fid;
}

Result<wire::Rsymlink> Session::on(const wire::Tsymlink& m) {
  const Fid* fid = TRY(directory(m.dfid));
  const fs::Name name = TRY(new_name(m.name));
  const fs::Found found =
      TRY(tree_.make_symlink(fid->node, name, m.symtgt, {.uid = fid->uid, .gid = m.gid}));
  return wire::Rsymlink{.qid = make_qid(found.attr)};
}

Result<wire::Rmknod> Session::on(const wire::Tmknod& m) {
  const Fid* fid = TRY(directory(m.dfid));
  const fs::Name name = TRY(new_name(m.name));
  const fs::Found found = TRY(tree_.make_node(fid->node, name, m.mode, makedev(m.major, m.minor),
                                              {.uid = fid->uid, .gid = m.gid}));
  return wire::Rmknod{.qid = make_qid(found.attr)};
}

Result<wire::Rmkdir> Session::on(const wire::Tmkdir& m) {
  const Fid* fid = TRY(directory(m.dfid));
  const fs::Name name = TRY(new_name(m.name));
  const fs::Found found =
      TRY(tree_.make_dir(fid->node, name, m.mode, {.uid = fid->uid, .gid = m.gid}));
  return wire::Rmkdir{.qid = make_qid(found.attr)};
}

Result<wire::Rlink> Session::on(const wire::Tlink& m) {
  const Fid* dir = TRY(directory(m.dfid));
  Fid* fid = TRY(fids_.get(m.fid));
  const fs::Name name = TRY(new_name(m.name));
  TRY(tree_.link(fid->node, dir->node, name));
  if (fid->place == nullptr) {
    // From now on the inode may become known by the new name.
    if (auto place = tree_.place(fid->node)) {
      fid->place = std::make_shared<fs::Place>(*std::move(place));
    }
  }
  return wire::Rlink{};
}

Result<wire::Rrename> Session::on(const wire::Trename& m) {
  Fid* fid = TRY(fids_.get(m.fid));
  const Fid* dir = TRY(directory(m.dfid));
  const fs::Name name = TRY(fs::Name::parse(m.name));
  TRY(tree_.rename_node(fid->node, fid->place.get(), dir->node, name));
  if (fid->place != nullptr) {
    fid->place = std::make_shared<fs::Place>(dir->node, std::string(m.name));
  }
  return wire::Rrename{};
}

Result<wire::Rrenameat> Session::on(const wire::Trenameat& m) {
  const Fid* dir = TRY(directory(m.olddirfid));
  const Fid* new_dir = TRY(directory(m.newdirfid));
  const fs::Name name = TRY(fs::Name::parse(m.oldname));
  const fs::Name target = TRY(fs::Name::parse(m.newname));
  TRY(tree_.rename(dir->node, name, new_dir->node, target));
  return wire::Rrenameat{};
}

Result<wire::Runlinkat> Session::on(const wire::Tunlinkat& m) {
  const Fid* dir = TRY(directory(m.dirfd));
  if ((m.flags & ~wire::kUnlinkRemoveDir) != 0) {
    return fail(EINVAL);
  }
  if (m.name == "..") {
    return fail(ENOTEMPTY);
  }
  const fs::Name name = TRY(fs::Name::parse(m.name));
  TRY(tree_.remove(dir->node, name, m.flags == wire::kUnlinkRemoveDir));
  return wire::Runlinkat{};
}

Result<wire::Rreadlink> Session::on(const wire::Treadlink& m) {
  const Fid* fid = TRY(fids_.get(m.fid));
  link_target_ = TRY(tree_.read_link(fid->node));
  return wire::Rreadlink{.target = link_target_};
}

}  // namespace nineroot::session
