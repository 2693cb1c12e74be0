#include "session/herald.h"

#include <sys/stat.h>

#include <utility>

#include "session/qid.h"

namespace nineroot::session {
namespace {

// Beyond all that fs::InodeNumbers gives unless a tree spans 65,535 file systems.
constexpr std::uint64_t kFirstStandIn = 0xffffU * (std::uint64_t{1} << 48U);

constexpr std::uint32_t mode_of_stand_in(bool is_directory) {
  return is_directory ? S_IFDIR | 0700U : S_IFREG | 0600U;
}

}  // namespace

void Herald::end() {
  is_here_ = false;
  guest_changes_.clear();
  void_writes_.forget();
  forget();
}

void Herald::forget() {
  intent_ = Intent::none;
  dir_ = fs::NodeRef();
  name_.clear();
  old_dir_ = fs::NodeRef();
  old_name_.clear();
}

const Fid* Herald::find(std::uint32_t number) const {
  if (!is_here_) {
    return nullptr;
  }
  const Result<Fid*> fid = fids_.get(number);
  return fid && (*fid)->uid == kHeraldUid ? *fid : nullptr;
}

bool Herald::intends(const Fid& dir, std::string_view name) const {
  return intent_ != Intent::none && dir.node.get() == dir_.get() && name == name_;
}

void Herald::note_created(const fs::NodeRef& dir, std::string_view name, const fs::Found& found) {
  if (is_here_) {
    guest_changes_.note_made(dir->id(), name, found.node->id());
    guest_changes_.note(found.node->id(), found.attr.ctime);
  }
}

void Herald::note(const wire::Trenameat& m) {
  if (const Result<Fid*> dir = fids_.get(m.olddirfid)) {
    guest_changes_.note_removed((*dir)->node->id(), m.oldname);
  }
  note_made(m.newdirfid, m.newname);
}

void Herald::note(const wire::Tunlinkat& m) {
  if (const Result<Fid*> dir = fids_.get(m.dirfd)) {
    guest_changes_.note_removed((*dir)->node->id(), m.name);
  }
}

void Herald::note_made(std::uint32_t number, std::string_view name) {
  const Result<Fid*> dir = fids_.get(number);
  const Result<fs::Name> good_name = fs::Name::parse(name);
  if (!dir || !good_name) {
    return;
  }
  if (const Result<fs::Found> found = tree_.lookup((*dir)->node, *good_name)) {
    note_created((*dir)->node, name, *found);
  }
}

void Herald::note_changed(std::uint32_t number) {
  const Result<Fid*> fid = fids_.get(number);
  if (!fid) {
    return;
  }
  if (const Result<fs::Attr> attr = tree_.attr((*fid)->node)) {
    guest_changes_.note((*fid)->node->id(), attr->ctime);
  }
}

bool Herald::is_own(const Fid& file) const {
  const Result<fs::Attr> attr = tree_.attr(file.node);
  return attr && guest_changes_.has_changed(file.node->id(), attr->ctime);
}

bool Herald::is_own(Intent intent, const Fid& dir, std::string_view name) {
  const Result<fs::Name> good_name = fs::Name::parse(name);
  if (!good_name) {
    return false;
  }
  const Result<fs::Found> found = tree_.lookup(dir.node, *good_name);
  if (intent == Intent::makes) {
    return found && guest_changes_.take_made(dir.node->id(), name, found->node->id());
  }
  return !found && guest_changes_.take_removed(dir.node->id(), name);
}

std::optional<Result<wire::Rwalk>> Herald::answer(const wire::Twalk& m) {
  const Fid* fid = find(m.fid);
  if (fid == nullptr) {
    return std::nullopt;
  }
  if (fid->used().stand_in != 0) {
    if (m.nwname > 0) {
      return fail(ENOTDIR);
    }
    Fid clone{.node = fid->node, .uid = fid->uid};
    clone.in_use().stand_in = fid->used().stand_in;
    clone.in_use().is_directory_stand_in = fid->used().is_directory_stand_in;
    if (const Result<void> put = fids_.put(m.newfid, std::move(clone)); !put) {
      return std::unexpected(put.error());
    }
    return wire::Rwalk{.nwqid = 0, .wqid = {}};
  }
  if (m.nwname == 1 && moves_from(*fid, m.wname[0])) {
    return walk_to_moved(m, *fid);
  }
  if (m.nwname != 1 || !intends(*fid, m.wname[0])) {
    return std::nullopt;
  }
  if (intent_ == Intent::makes || intent_ == Intent::moves) {
    return fail(ENOENT);
  }
  return walk_to_stand_in(m, *fid);
}

Result<wire::Rwalk> Herald::walk_to_stand_in(const wire::Twalk& m, const Fid& dir) {
  const fs::Name name = TRY(fs::Name::parse(m.wname[0]));
  const auto found = tree_.lookup(dir.node, name);
  if (found || found.error() != Errno{ENOENT}) {
    return fail(found ? ESTALE : code(found.error()));
  }
  const bool is_directory = intent_ == Intent::removes_directory;
  Fid fid{.node = dir.node, .uid = dir.uid};
  FidUse& use = fid.in_use();
  use.stand_in = kFirstStandIn + ++stand_ins_;
  use.is_directory_stand_in = is_directory;
  wire::Rwalk reply{.nwqid = 1, .wqid = {}};
  reply.wqid[0] = make_qid(use.stand_in, mode_of_stand_in(is_directory));
  TRY(fids_.put(m.newfid, std::move(fid)));
  return reply;
}

std::optional<Result<wire::Rgetattr>> Herald::answer(const wire::Tgetattr& m) const {
  const Fid* fid = find(m.fid);
  if (fid == nullptr || fid->used().stand_in == 0) {
    return std::nullopt;
  }
  const std::uint32_t mode = mode_of_stand_in(fid->used().is_directory_stand_in);
  return wire::Rgetattr{.valid = wire::kGetattrBasic | wire::kGetattrGen,
                        .qid = make_qid(fid->used().stand_in, mode),
                        .mode = mode,
                        .nlink = fid->used().is_directory_stand_in ? 2U : 1U,
                        .blksize = 4096};
}

std::optional<Result<wire::Rsetattr>> Herald::answer(const wire::Tsetattr& m) const {
  const Fid* fid = find(m.fid);
  if (fid == nullptr) {
    return std::nullopt;
  }
  if (fid->used().stand_in != 0) {
    return fail(ESTALE);
  }
  if ((m.valid & wire::kSetSize) != 0) {
    const Result<fs::Attr> attr = tree_.attr(fid->node);
    if (!attr || attr->size != m.size) {
      return fail(ESTALE);
    }
    fid->node->set_known_size(m.size);
  }
  return wire::Rsetattr{};
}

std::optional<Result<wire::Runlinkat>> Herald::answer(const wire::Tunlinkat& m) const {
  if (find(m.dirfd) == nullptr) {
    return std::nullopt;
  }
  return wire::Runlinkat{};
}

Result<wire::Qid> Herald::made(const Fid& dir, std::string_view name, bool is_directory) {
  // The client walks to what it made, so this name is as it is from here on.
  forget();
  const fs::Name good_name = TRY(fs::Name::parse(name));
  const fs::Found found = TRY(tree_.lookup(dir.node, good_name));
  if (S_ISDIR(found.attr.mode) != is_directory) {
    return fail(ENOENT);
  }
  return make_qid(found.attr);
}

std::optional<Result<wire::Rmknod>> Herald::answer(const wire::Tmknod& m) {
  const Fid* dir = find(m.dfid);
  if (dir == nullptr) {
    return std::nullopt;
  }
  const Result<wire::Qid> qid = made(*dir, m.name, false);
  return qid ? Result<wire::Rmknod>(wire::Rmknod{.qid = *qid}) : std::unexpected(qid.error());
}

std::optional<Result<wire::Rmkdir>> Herald::answer(const wire::Tmkdir& m) {
  const Fid* dir = find(m.dfid);
  if (dir == nullptr) {
    return std::nullopt;
  }
  const Result<wire::Qid> qid = made(*dir, m.name, true);
  return qid ? Result<wire::Rmkdir>(wire::Rmkdir{.qid = *qid}) : std::unexpected(qid.error());
}

template <class Reply>
std::optional<Result<Reply>> Herald::refuse(std::uint32_t fid) const {
  if (find(fid) == nullptr) {
    return std::nullopt;
  }
  return fail(EROFS);
}

std::optional<Result<wire::Rlopen>> Herald::answer(const wire::Tlopen& m) const {
  // Linux writes back through any open fid of an inode: one that refuses to would lose data, so
  // all but what is void is written through this one.
  constexpr std::uint32_t kAccessAndTruncation = 01003;
  constexpr std::uint32_t kTruncation = 01000;
  const Fid* fid = find(m.fid);
  if (fid == nullptr) {
    return std::nullopt;
  }
  const bool only_reads = (m.flags & kAccessAndTruncation) == 0;
  const bool writes_void =
      (m.flags & kTruncation) == 0 && void_writes_.is_announced_for(*fid->node);
  if (fid->used().stand_in == 0 && (only_reads || writes_void)) {
    return std::nullopt;
  }
  return fail(EROFS);
}

std::optional<Result<wire::Rwrite>> Herald::answer(const Fid& fid, const wire::Twrite& m,
                                                   const IoVecs& data) const {
  if (!is_here_ || !void_writes_.covers(*fid.node, m.offset, data)) {
    return std::nullopt;
  }
  const Result<fs::Attr> attr = tree_.attr(fid.node);
  if (!attr || attr->size < m.offset + m.count) {
    return fail(ESTALE);
  }
  return wire::Rwrite{.count = m.count};
}

std::optional<Result<wire::Rlcreate>> Herald::answer(const wire::Tlcreate& m) const {
  return refuse<wire::Rlcreate>(m.fid);
}

std::optional<Result<wire::Rsymlink>> Herald::answer(const wire::Tsymlink& m) const {
  return refuse<wire::Rsymlink>(m.dfid);
}

std::optional<Result<wire::Rlink>> Herald::answer(const wire::Tlink& m) const {
  return refuse<wire::Rlink>(m.dfid);
}

std::optional<Result<wire::Rrename>> Herald::answer(const wire::Trename& m) const {
  return refuse<wire::Rrename>(m.fid);
}

std::optional<Result<wire::Rremove>> Herald::answer(const wire::Tremove& m) const {
  std::optional<Result<wire::Rremove>> refusal = refuse<wire::Rremove>(m.fid);
  if (refusal) {
    (void)fids_.take(m.fid);
  }
  return refusal;
}

std::optional<Result<wire::Rxattrcreate>> Herald::answer(const wire::Txattrcreate& m) const {
  return refuse<wire::Rxattrcreate>(m.fid);
}

}  // namespace nineroot::session
