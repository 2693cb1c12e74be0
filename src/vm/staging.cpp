#include "vm/staging.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "base/log.h"
#include "storage/directory_names.h"
#include "storage/remove_tree.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = ".creating-";

bool is_staging_name(std::string_view name) {
  return name.starts_with('.') && name.find(kMark) != std::string_view::npos;
}

UniqueFd open_locked(int machines, const std::string& name) {
  UniqueFd fd(::openat(machines, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd.is_open() && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    fd.reset();
  }
  return fd;
}

/// What is not locked has no maker any more.  `.nineroot-removed-` are parts of such trees that
/// an interrupted removal had moved up.
void remove_leftovers(int machines, const fs::path& path) {
  const auto names = storage::directory_names(machines);
  if (!names) {
    return;
  }
  for (const std::string& name : *names) {
    const bool is_part = name.starts_with(".nineroot-removed-");
    if (!is_part && (!is_staging_name(name) || !open_locked(machines, name).is_open())) {
      continue;
    }
    if (const auto removed = storage::remove_tree(machines, name); !removed) {
      log::warn("cannot remove {}, left by a `create` that died: {}", (path / name).string(),
                describe(removed.error()));
    }
  }
}

std::unexpected<Failure> taken(const std::string& name) {
  return std::unexpected(
      Failure(fmt::format("there is already a machine '{}'", name))
          .with_hint(
              fmt::format("choose another name, or remove it with `nineroot remove {}`", name)));
}

Outcome<UniqueFd> open_machines(const fs::path& machines) {
  std::error_code error;
  if (fs::create_directories(machines.parent_path().parent_path(), error); error) {
    return std::unexpected(
        Failure(fmt::format("cannot make the directory {}",
                            machines.parent_path().parent_path().string()),
                Errno{error.value()})
            .with_hint("set NINEROOT_HOME to a directory that you can write to"));
  }
  for (const fs::path& path : {machines.parent_path(), machines}) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return std::unexpected(
          Failure(fmt::format("cannot make the directory {}", path.string()), Errno{errno})
              .with_hint("set NINEROOT_HOME to a directory that you can write to"));
    }
  }
  UniqueFd fd(::open(machines.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) {
    return failure(Errno{errno}, "cannot open {}", machines.string());
  }
  return fd;
}

bool exists_at(int directory, const std::string& name) {
  struct stat info{};
  return ::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace

Outcome<Staging> Staging::make(const fs::path& home, const std::string& name) {
  const fs::path path = home / "machines";
  UniqueFd machines = TRY(open_machines(path));
  if (exists_at(machines.get(), name)) {
    return taken(name);
  }
  // One create at a time looks for leftovers and makes its own directory, which it has locked
  // before the next one looks.
  ::flock(machines.get(), LOCK_EX);
  remove_leftovers(machines.get(), path);
  const std::string own = fmt::format(".{}{}{}", name, kMark, ::getpid());
  const bool is_made = ::mkdirat(machines.get(), own.c_str(), 0700) == 0;
  const Errno error{errno};
  UniqueFd directory = is_made ? open_locked(machines.get(), own) : UniqueFd();
  ::flock(machines.get(), LOCK_UN);
  if (!directory.is_open()) {
    return std::unexpected(
        Failure(fmt::format("cannot make a directory in {}", path.string()), error)
            .with_hint("set NINEROOT_HOME to a directory that you can write to"));
  }
  return Staging(std::move(machines), std::move(directory), path / own, name);
}

Staging::~Staging() {
  if (!directory_.is_open() || is_published_) {
    return;
  }
  if (const auto removed = storage::remove_tree(machines_.get(), path_.filename()); !removed) {
    log::warn("cannot remove {}: {}", path_.string(), describe(removed.error()));
  }
}

Outcome<fs::path> Staging::publish() {
  if (::syncfs(directory_.get()) != 0) {
    return failure(Errno{errno}, "cannot put the new machine on the disk");
  }
  const std::string own = path_.filename();
  int renamed =
      ::renameat2(machines_.get(), own.c_str(), machines_.get(), name_.c_str(), RENAME_NOREPLACE);
  if (renamed != 0 && errno == EINVAL && !exists_at(machines_.get(), name_)) {
    // A file system without that flag; a rename never replaces a directory with something in it.
    renamed = ::renameat(machines_.get(), own.c_str(), machines_.get(), name_.c_str());
  }
  if (renamed != 0) {
    if (errno == EEXIST || errno == ENOTEMPTY) {
      return taken(name_);
    }
    return failure(Errno{errno}, "cannot give the new machine its name");
  }
  is_published_ = true;
  if (::fsync(machines_.get()) != 0) {
    return failure(Errno{errno}, "cannot put the new machine's name on the disk");
  }
  return path_.parent_path() / name_;
}

}  // namespace nineroot::vm
