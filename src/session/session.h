// One 9P session: versions, fids, tags; turns messages into calls on a Tree.
// Everything runs on the transport's thread but the work of run_later(), which is for what may
// wait for a disk: cold reads, synchronous writes, fsync.  docs/protocol.md has a row per message.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mailbox.h"
#include "base/worker_pool.h"
#include "fs/tree.h"
#include "session/fid_table.h"
#include "session/gate.h"
#include "session/herald.h"
#include "wire/codec.h"
#include "wire/exchange.h"
#include "wire/messages.h"

namespace nineroot::session {

struct SessionOptions {
  /// The largest msize that the transport can carry (virtio: 128 descriptors of a page, less 3).
  std::uint32_t max_msize = wire::kMaxMsize;
  /// Tlock takes locks of the host; else it always succeeds (locks.h).
  bool takes_host_locks = false;
  /// Outlives the session; null: it is never held up.
  Gate* gate = nullptr;
};

/// Made per connection by the server; lives on the transport's thread.  `tree` and `pool` must
/// outlive it.  Work still running in the pool when it goes ends into the void.
class Session : public wire::Handler {
 public:
  Session(fs::Tree& tree, WorkerPool& pool, std::shared_ptr<Mailbox> mailbox,
          SessionOptions options);
  ~Session() override;

  void handle(wire::Exchange exchange) override;
  [[nodiscard]] bool is_full() const override;
  void reset() override;

  [[nodiscard]] std::size_t fid_count() const { return fids_.size(); }

 private:
  friend struct Dispatch;

  /// A request whose work is in the pool.
  struct InFlight {
    wire::Pending pending;
    std::uint64_t serial = 0;
    bool can_abandon = false;            ///< It changes nothing: a Tflush need not wait for it.
    std::vector<wire::Pending> flushes;  ///< Answered after it.
  };

  /// Fills `reply` with a whole R-message, returns its size.  Runs on a worker.
  using Work = std::move_only_function<std::size_t(std::span<std::byte> reply)>;

  // Each answers one message; the error becomes Rlerror.
  Result<wire::Rattach> on(const wire::Tattach& m);
  Result<wire::Rwalk> on(const wire::Twalk& m);
  Result<wire::Rclunk> on(const wire::Tclunk& m);
  Result<wire::Rremove> on(const wire::Tremove& m);
  Result<wire::Rlopen> on(const wire::Tlopen& m);
  Result<wire::Rlcreate> on(const wire::Tlcreate& m);
  Result<wire::Rlock> on(const wire::Tlock& m);
  Result<wire::Rgetlock> on(const wire::Tgetlock& m);
  Result<wire::Rsymlink> on(const wire::Tsymlink& m);
  Result<wire::Rmknod> on(const wire::Tmknod& m);
  Result<wire::Rmkdir> on(const wire::Tmkdir& m);
  Result<wire::Rlink> on(const wire::Tlink& m);
  Result<wire::Rrename> on(const wire::Trename& m);
  Result<wire::Rrenameat> on(const wire::Trenameat& m);
  Result<wire::Runlinkat> on(const wire::Tunlinkat& m);
  Result<wire::Rreadlink> on(const wire::Treadlink& m);
  Result<wire::Rstatfs> on(const wire::Tstatfs& m);
  Result<wire::Rgetattr> on(const wire::Tgetattr& m);
  Result<wire::Rsetattr> on(const wire::Tsetattr& m);
  Result<wire::Rxattrwalk> on(const wire::Txattrwalk& m);
  Result<wire::Rxattrcreate> on(const wire::Txattrcreate& m);

  // These carry data, wait, or change the session: they complete the exchange themselves, or
  // leave it untouched and return an error.
  Result<void> on_version(wire::Exchange& exchange, const wire::Tversion& m);
  Result<void> on_flush(wire::Exchange& exchange, const wire::Tflush& m);
  Result<void> on_read(wire::Exchange& exchange, const wire::Tread& m);
  Result<void> on_write(wire::Exchange& exchange, const wire::Twrite& m);
  Result<void> on_readdir(wire::Exchange& exchange, const wire::Treaddir& m);
  Result<void> on_fsync(wire::Exchange& exchange, const wire::Tfsync& m);

  Result<wire::Rwrite> write_xattr(XattrUpdate& update, const wire::Twrite& m,
                                   const IoVecs& data) const;
  Result<void> commit_xattr(const fs::NodeRef& node, const XattrUpdate& update);
  Result<Fid*> directory(std::uint32_t fid);
  void hold_open(Fid& fid, std::shared_ptr<fs::OpenFile> file);
  Result<fs::NodeRef> walk_aname(std::string_view aname);
  /// Bytes of payload that a reply to this exchange may carry after `header_size`.
  [[nodiscard]] std::size_t payload_room(const wire::Exchange& exchange, std::uint32_t count,
                                         std::size_t header_size) const;

  template <class Message>
  void reply(wire::Exchange& exchange, const Message& message);
  void reply_error(wire::Exchange& exchange, Errno error);
  void run_later(wire::Exchange& exchange, bool can_abandon, Work work);
  void finish(std::uint16_t tag, std::uint64_t serial, std::span<const std::byte> reply);
  void end();

  fs::Tree& tree_;
  WorkerPool& pool_;
  std::shared_ptr<Mailbox> mailbox_;
  SessionOptions options_;
  std::optional<Gate::Seat> seat_;
  /// Null once the session is gone: letters of late workers look here first.
  std::shared_ptr<Session*> self_;
  std::uint32_t msize_ = 0;              ///< 0 before the first Tversion.
  XattrMemory xattr_memory_;             ///< Before the fids, which give back to it.
  std::optional<HostLocks> host_locks_;  ///< Before the fids, too.
  Writers writers_;                      ///< Before the fids, too.
  FidTable fids_;
  Herald herald_{tree_, fids_};
  std::unordered_map<std::uint16_t, InFlight> in_flight_;
  std::size_t waiting_flushes_ = 0;
  std::uint64_t next_serial_ = 0;
  std::vector<std::byte> request_;  ///< The message being answered, copied out of guest memory.
  std::vector<std::byte> scratch_;  ///< Replies and directory data before they are copied in.
  std::string link_target_;         ///< What Rreadlink points to.
};

}  // namespace nineroot::session
