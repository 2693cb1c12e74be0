// How a session answers the herald of a guest (base/herald.h): as anybody what only asks, and what
// would change the tree by a success without the change, if it says what the tree already is.
// Everything else of the herald's is EROFS.
#pragma once

#include <optional>
#include <string>

#include "base/herald.h"
#include "fs/tree.h"
#include "session/fid_table.h"
#include "session/guest_changes.h"
#include "session/void_writes.h"
#include "wire/messages.h"

namespace nineroot::session {

class Herald {
 public:
  Herald(fs::Tree& tree, FidTable& fids) : tree_(tree), fids_(fids) {}

  /// From the Tattach of one until end().
  [[nodiscard]] bool is_here() const { return is_here_; }
  void note(const wire::Tattach& m) { is_here_ = is_here_ || m.n_uname == kHeraldUid; }
  void end();

  // What the guest has done itself, which the host's watch will see too: told of each message that
  // was carried out while a herald is here.
  template <class Message>
  static void note(const Message&) {}
  void note(const wire::Tsymlink& m) { note_made(m.dfid, m.name); }
  void note(const wire::Tmknod& m) { note_made(m.dfid, m.name); }
  void note(const wire::Tmkdir& m) { note_made(m.dfid, m.name); }
  void note(const wire::Tlink& m) { note_made(m.dfid, m.name); }
  void note(const wire::Trenameat& m);
  void note(const wire::Tunlinkat& m);
  void note(const wire::Tsetattr& m) { note_changed(m.fid); }
  void note_changed(std::uint32_t fid);
  /// By Tlcreate, whose fid is that of the directory no more.
  void note_created(const fs::NodeRef& dir, std::string_view name, const fs::Found& found);

  /// The answer to a message of the herald's; nothing if it is somebody else's, or is to be
  /// answered as anybody's.
  template <class Message>
  static std::nullopt_t answer(const Message&) {
    return std::nullopt;
  }

  /// ENOENT for a name that it makes or moves to, what is there for the one that it moves from, a
  /// stand-in for one that it removes and that is not there.
  std::optional<Result<wire::Rwalk>> answer(const wire::Twalk& m);
  std::optional<Result<wire::Rxattrwalk>> answer(const wire::Txattrwalk& m);
  /// Of a stand-in.
  std::optional<Result<wire::Rgetattr>> answer(const wire::Tgetattr& m) const;
  /// Succeeds, but for a size only if the file has that size: the guest then takes it for its own.
  /// Errors: ESTALE.
  std::optional<Result<wire::Rsetattr>> answer(const wire::Tsetattr& m) const;
  std::optional<Result<wire::Runlinkat>> answer(const wire::Tunlinkat& m) const;
  /// Succeed if such a name is there.  Errors: ENOENT.
  std::optional<Result<wire::Rmknod>> answer(const wire::Tmknod& m);
  std::optional<Result<wire::Rmkdir>> answer(const wire::Tmkdir& m);

  /// To write, only what it has announced void writes to.
  std::optional<Result<wire::Rlopen>> answer(const wire::Tlopen& m) const;
  /// Of void bytes, by whatever fid: succeeds if the file reaches as far.  Errors: ESTALE.
  std::optional<Result<wire::Rwrite>> answer(const Fid& fid, const wire::Twrite& m,
                                             const IoVecs& data) const;
  std::optional<Result<wire::Rlcreate>> answer(const wire::Tlcreate& m) const;
  std::optional<Result<wire::Rsymlink>> answer(const wire::Tsymlink& m) const;
  std::optional<Result<wire::Rlink>> answer(const wire::Tlink& m) const;
  std::optional<Result<wire::Rrename>> answer(const wire::Trename& m) const;
  /// Succeeds if it has announced so, and the directory has moved.
  std::optional<Result<wire::Rrenameat>> answer(const wire::Trenameat& m);
  std::optional<Result<wire::Rremove>> answer(const wire::Tremove& m) const;
  std::optional<Result<wire::Rxattrcreate>> answer(const wire::Txattrcreate& m) const;

 private:
  enum class Intent : std::uint8_t { none, makes, removes_file, removes_directory, moves };

  /// Null if the number is not that of one of the herald's fids.
  [[nodiscard]] const Fid* find(std::uint32_t number) const;
  [[nodiscard]] bool intends(const Fid& dir, std::string_view name) const;
  void forget();
  void note_made(std::uint32_t dir, std::string_view name);
  [[nodiscard]] bool is_own(Intent intent, const Fid& dir, std::string_view name);
  [[nodiscard]] bool is_own(const Fid& file) const;
  [[nodiscard]] bool moves_from(const Fid& dir, std::string_view name) const;
  Result<fs::Found> moved() const;
  Result<wire::Rwalk> walk_to_moved(const wire::Twalk& m, const Fid& dir);
  Result<wire::Rwalk> walk_to_stand_in(const wire::Twalk& m, const Fid& dir);
  Result<wire::Qid> made(const Fid& dir, std::string_view name, bool is_directory);

  Result<wire::Rxattrwalk> value(const wire::Txattrwalk& m, const Fid& fid, std::string_view value);
  std::optional<Result<wire::Rxattrwalk>> answer_of_file(const wire::Txattrwalk& m, const Fid& fid);
  std::optional<Result<wire::Rxattrwalk>> take_intent(const wire::Txattrwalk& m, const Fid& fid);

  template <class Reply>
  std::optional<Result<Reply>> refuse(std::uint32_t fid) const;

  fs::Tree& tree_;
  FidTable& fids_;
  bool is_here_ = false;
  // What it announced last.
  Intent intent_ = Intent::none;
  fs::NodeRef dir_;
  std::string name_;
  // Where from, if it moves.
  fs::NodeRef old_dir_;
  std::string old_name_;
  VoidWrites void_writes_;
  GuestChanges guest_changes_;
  std::uint64_t stand_ins_ = 0;  ///< So many were made: each has a number of its own.
};

}  // namespace nineroot::session
