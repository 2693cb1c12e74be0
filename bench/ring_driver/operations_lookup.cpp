// Operations on names that are looked up, and on fids.
#include <cerrno>

#include "bench/ring_driver/operations.h"
#include "bench/ring_driver/requests.h"

namespace nineroot::bench {
namespace {

Operation walk_anew() {
  return {.name = "walk, inode not held",
          .prepare = {},
          .request = walking_to(kFirst),
          .clean = drop_files,
          .bare_prepare = {},
          .bare =
              [](BareCalls& calls, unsigned i) {
                const int fd = calls.open_path(Dir::files, file_name(i).c_str());
                calls.stat(fd);
                calls.get_records(fd);
                calls.keep(i, fd);
              },
          .bare_clean = close_files};
}

Operation walk_again() {
  return {.name = "walk, inode held",
          .prepare = hold_files,
          .request = walking_to(kSecond),
          .clean =
              [](Client& client) {
                for_each_file(client, clunking(kSecond));
                drop_files(client);
              },
          .bare_prepare = {},
          .bare =
              [](BareCalls& calls, unsigned i) {
                const int fd = calls.open_path(Dir::files, file_name(i).c_str());
                calls.stat(fd);
                calls.keep(i, fd);
              },
          .bare_clean = close_files};
}

Operation walk_to_nothing() {
  return {.name = "walk, no such name",
          .prepare = {},
          .request =
              [](unsigned i, std::span<std::byte> room) {
                return Client::plain(walk(kFilesDir, kScratch, file_name(i, "missing-")), room,
                                     ENOENT);
              },
          .clean = {},
          .bare_prepare = {},
          .bare =
              [](BareCalls& calls, unsigned i) {
                (void)calls.is_missing(Dir::files, file_name(i, "missing-").c_str());
              },
          .bare_clean = {}};
}

Operation clone() {
  return {.name = "clone",
          .prepare = {},
          .request = cloning(kFilesDir, kFirst),
          .clean = drop_files,
          .bare_prepare = {},
          .bare = {},
          .bare_clean = {}};
}

Operation clunk_clone() {
  return {.name = "clunk of a clone",
          .prepare = [](Client& client) { for_each_file(client, cloning(kFilesDir, kFirst)); },
          .request = clunking(kFirst),
          .clean = {},
          .bare_prepare = {},
          .bare = {},
          .bare_clean = {}};
}

Operation clunk_last() {
  return {.name = "clunk, last of its inode",
          .prepare = hold_files,
          .request = clunking(kFirst),
          .clean = {},
          .bare_prepare = keep_files,
          .bare = [](BareCalls& calls, unsigned i) { calls.close(i); },
          .bare_clean = {}};
}

Operation getattr() {
  return {.name = "getattr",
          .prepare = hold_files,
          .request =
              [](unsigned i, std::span<std::byte> room) {
                return Client::plain(
                    wire::Tgetattr{.fid = kFirst + i, .request_mask = wire::kGetattrBasic}, room);
              },
          .clean = drop_files,
          .bare_prepare = keep_files,
          .bare = [](BareCalls& calls, unsigned i) { calls.stat(calls.kept(i)); },
          .bare_clean = close_files};
}

}  // namespace

std::vector<Operation> lookups() {
  return {walk_anew(),   walk_again(), walk_to_nothing(), clone(),
          clunk_clone(), clunk_last(), getattr()};
}

}  // namespace nineroot::bench
