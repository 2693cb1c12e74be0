// The files in which mapped-file keeps its records, as files: DIR/.virtfs_metadata/NAME.  What is
// in a record is for identity_mapped_file.cpp.
//
// A tree may come from anywhere, so what has the name of a record or of their directory may be a
// symlink, a fifo or a directory.  None is followed, and none is waited for.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::fs::metadata {

/// The record of `name` in the directory `dir_fd`; with O_CREAT in `flags` their directory is made
/// too.  Errors: EINVAL if it is not a regular file; else from openat2(2).
Result<UniqueFd> open_record(int dir_fd, const char* name, int flags);

/// The record of the export's root, which is in the root itself.  Errors as above.
Result<UniqueFd> open_root_record(int root_fd, int flags);

/// True for the errors of both that mean "nothing is recorded", rather than "it cannot be read".
[[nodiscard]] bool means_none(Errno error);

Result<void> remove_record(int dir_fd, const char* name);
/// Errors: ENOENT if there is none.
Result<void> link_record(int dir_fd, const char* name, int new_dir_fd, const char* new_name);
/// A further name for the record behind `fd`.
Result<void> link_record(int fd, int new_dir_fd, const char* new_name);
/// Errors: ENOENT if there is none.
Result<void> rename_record(int dir_fd, const char* name, int new_dir_fd, const char* new_name);

/// Takes the record away from `name` in a way that can be undone:
/// it gets the one name that no file's record can have.  Errors: ENOENT if there is none.
Result<void> set_aside(int dir_fd, const char* name);
Result<void> take_back(int dir_fd, const char* name);
Result<void> remove_aside(int dir_fd);

/// Removes the records in the directory `name`, which is about to be removed, with what files that
/// the host deleted have left behind.  ENOTEMPTY if anything else is in the directory.
Result<void> clear(int dir_fd, const char* name);

}  // namespace nineroot::fs::metadata
