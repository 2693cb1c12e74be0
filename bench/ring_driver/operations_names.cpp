// Operations that make, remove and rename.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/ring_driver/operations.h"
#include "bench/ring_driver/requests.h"

namespace nineroot::bench {
namespace {

void make_work_files(BareCalls& calls) {
  for (unsigned i = 0; i < kFiles; ++i) {
    const UniqueFd file(calls.create(Dir::work, file_name(i).c_str()));
    calls.set_records(file.get());
  }
}

void remove_work_files(BareCalls& calls) {
  for (unsigned i = 0; i < kFiles; ++i) {
    calls.unlink(Dir::work, file_name(i).c_str(), false);
  }
}

void clone_work_dir(Client& client) {
  for_each_file(client, cloning(kWorkDir, kFirst));
}

/// By a clone of the directory's fid.
Request create_request(unsigned i, std::span<std::byte> room) {
  return Client::plain(wire::Tlcreate{.fid = kFirst + i,
                                      .name = file_name(i),
                                      .flags = O_RDWR,
                                      .mode = S_IFREG | 0644,
                                      .gid = 0},
                       room);
}

void create_work_files(Client& client) {
  clone_work_dir(client);
  for_each_file(client, create_request);
  drop_files(client);
}

Request unlink_request(unsigned i, std::span<std::byte> room, std::uint32_t flags = 0) {
  return Client::plain(wire::Tunlinkat{.dirfd = kWorkDir, .name = file_name(i), .flags = flags},
                       room);
}

void unlink_work_files(Client& client) {
  for_each_file(client,
                [](unsigned i, std::span<std::byte> room) { return unlink_request(i, room); });
}

Operation create() {
  return {.name = "create",
          .prepare = clone_work_dir,
          .request = create_request,
          .clean =
              [](Client& client) {
                drop_files(client);
                unlink_work_files(client);
              },
          .bare_prepare = {},
          .bare =
              [](BareCalls& calls, unsigned i) {
                const std::string name = file_name(i);
                const int fd = calls.create(Dir::work, name.c_str());
                calls.set_records(fd);
                calls.keep(i, calls.open_path(Dir::work, name.c_str()));
                calls.stat(calls.kept(i));
                ::close(fd);
              },
          .bare_clean =
              [](BareCalls& calls) {
                calls.close_all();
                remove_work_files(calls);
              }};
}

Operation make_dir() {
  return {.name = "mkdir",
          .prepare = {},
          .request =
              [](unsigned i, std::span<std::byte> room) {
                return Client::plain(
                    wire::Tmkdir{.dfid = kWorkDir, .name = file_name(i), .mode = 0755, .gid = 0},
                    room);
              },
          .clean =
              [](Client& client) {
                for_each_file(client, [](unsigned i, std::span<std::byte> room) {
                  return unlink_request(i, room, AT_REMOVEDIR);
                });
              },
          .bare_prepare = {},
          .bare =
              [](BareCalls& calls, unsigned i) {
                const std::string name = file_name(i);
                calls.make_dir(Dir::work, name.c_str());
                const UniqueFd fd(calls.open_path(Dir::work, name.c_str()));
                calls.stat(fd.get());
                for (int record = 0; record < 3; ++record) {
                  calls.set_mode_record(fd.get());
                }
              },
          .bare_clean =
              [](BareCalls& calls) {
                for (unsigned i = 0; i < kFiles; ++i) {
                  calls.unlink(Dir::work, file_name(i).c_str(), true);
                }
              }};
}

Operation unlink() {
  return {.name = "unlink",
          .prepare = create_work_files,
          .request = [](unsigned i, std::span<std::byte> room) { return unlink_request(i, room); },
          .clean = {},
          .bare_prepare = make_work_files,
          .bare =
              [](BareCalls& calls, unsigned i) {
                // Whose name goes: an inode that a fid stands for must not be lost.
                calls.stat_at(Dir::work, file_name(i).c_str());
                calls.unlink(Dir::work, file_name(i).c_str(), false);
              },
          .bare_clean = {}};
}

Operation rename() {
  return {
      .name = "rename",
      .prepare = create_work_files,
      .request =
          [](unsigned i, std::span<std::byte> room) {
            return Client::plain(wire::Trenameat{.olddirfid = kWorkDir,
                                                 .oldname = file_name(i),
                                                 .newdirfid = kWorkDir,
                                                 .newname = file_name(i, "new-name-")},
                                 room);
          },
      .clean =
          [](Client& client) {
            for_each_file(client, [](unsigned i, std::span<std::byte> room) {
              return Client::plain(
                  wire::Tunlinkat{.dirfd = kWorkDir, .name = file_name(i, "new-name-"), .flags = 0},
                  room);
            });
          },
      .bare_prepare = make_work_files,
      .bare =
          [](BareCalls& calls, unsigned i) {
            // Which inode moves, and whether one is replaced.
            calls.stat_at(Dir::work, file_name(i).c_str());
            (void)calls.has_none(Dir::work, file_name(i, "new-name-").c_str());
            calls.rename(Dir::work, file_name(i).c_str(), file_name(i, "new-name-").c_str());
          },
      .bare_clean =
          [](BareCalls& calls) {
            for (unsigned i = 0; i < kFiles; ++i) {
              calls.unlink(Dir::work, file_name(i, "new-name-").c_str(), false);
            }
          }};
}

}  // namespace

std::vector<Operation> names() {
  return {create(), make_dir(), unlink(), rename()};
}

}  // namespace nineroot::bench
