// Brings in line with the host what this kernel's 9P client has cached of one file's content: its
// pages, and, where the client keeps that (cache=loose), its length.
#pragma once

#include <sys/stat.h>

#include <string>

#include "agent/refresh_task.h"
#include "base/unique_fd.h"

namespace nineroot::guest {

/// Opening waits for nobody and follows nothing.
[[nodiscard]] UniqueFd open_file(int dir, const std::string& name, int access);

/// False if the client may still take the file for longer or shorter than it is, which ends when it
/// forgets the file: without heralds, or for a program that runs.  `dir` is a directory's
/// descriptor.  What the guest has written and not sent yet is sent, and never lost.
[[nodiscard]] bool refresh_content(int dir, const std::string& name, const agent::RefreshTask& task,
                                   bool has_heralds);

/// Of a file whose pages are right, with heralds: its length alone, which was `size` on the host a
/// moment ago.  False as above.
[[nodiscard]] bool refresh_length(int dir, const std::string& name, std::uint64_t size);

}  // namespace nineroot::guest
