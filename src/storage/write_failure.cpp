#include "storage/write_failure.h"

#include "storage/entry_path.h"

namespace nineroot::storage {

Failure write_failure(Errno cause, std::string_view path) {
  Failure failure(fmt::format("cannot write {}", printable(path)), cause);
  if (cause == Errno{ENOSPC} || cause == Errno{EDQUOT}) {
    return std::move(failure).with_hint(
        "make room, or keep machines on another file system by setting NINEROOT_HOME");
  }
  return failure;
}

}  // namespace nineroot::storage
