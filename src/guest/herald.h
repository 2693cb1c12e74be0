// The agent's end of what base/herald.h tells: operations that change what this kernel's 9P client
// has cached, and wake those who watch, but nothing on the host.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::guest {

/// Whether the server behind `root` (a directory's descriptor) knows heralds.  If it does not, all
/// that is below would really be done and must not be tried.
[[nodiscard]] bool knows_heralds(int root);

/// This process as the herald, with a superuser's privileges, while it lives.
class AsHerald {
 public:
  AsHerald();
  ~AsHerald();
  AsHerald(const AsHerald&) = delete;
  AsHerald& operator=(const AsHerald&) = delete;
};

// In all of these `dir` is the descriptor of a directory, and errors are those of the system call.

/// Drops a name that is here but not on the host any more, or denotes another file there:
/// IN_DELETE.
Result<void> herald_removal(int dir, const std::string& name, bool is_directory);

/// As before, for a name that is not here either.  Errors: EEXIST if the guest itself removed it.
Result<void> herald_removal_of_unknown(int dir, const std::string& name, bool is_directory);

/// IN_CREATE for a name that is on the host.  Errors: EEXIST if this kernel has it already, or the
/// guest itself has made it.
Result<void> herald_creation(int dir, const std::string& name, bool is_directory);

/// The directory that this kernel knows by its old name has the new one on the host:
/// IN_MOVED_FROM and IN_MOVED_TO.  All that is open, cached or a working directory below it stays.
Result<void> herald_move(int old_dir, const std::string& old_name, int dir,
                         const std::string& name);

/// Whether the guest itself was the last to change content or attributes of the file.
[[nodiscard]] bool is_guests_own_change(int dir, const std::string& name);

/// The size that the file has on the host.
Result<std::uint64_t> herald_asks_size(int dir, const std::string& name);

/// The client takes the file, which it knows to be longer, for as long as it is on the host:
/// IN_MODIFY.  Errors: ESTALE if the file has another size there by now.
Result<void> herald_truncation(int dir, const std::string& name, std::uint64_t size);

/// The client takes the file, whose end it knows at `from`, to reach to `end`, and reads from the
/// host what is between the two; at no time does a reader see anything else there: IN_MODIFY, and
/// IN_CLOSE_WRITE when what is returned is closed.  Errors: ESTALE if the file is shorter by now.
Result<UniqueFd> herald_growth(int dir, const std::string& name, std::uint64_t from,
                               std::uint64_t end);

enum class Touch : std::uint8_t { content, attributes, quiet };

/// Makes the client ask for attributes again: IN_MODIFY, IN_ATTRIB or IN_ACCESS.
Result<void> herald_touch(int dir, const std::string& name, Touch touch);

}  // namespace nineroot::guest
