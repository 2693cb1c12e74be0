#include "bench/ring_driver/operations.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "base/mapped_format.h"

namespace nineroot::bench {
namespace {

using Dir = BareCalls::Dir;

// Fids: directories, open files, and two for each file.
enum : std::uint32_t { kRoot, kFilesDir, kWorkDir, kReader, kWriter, kLister, kScratch };
constexpr std::uint32_t kFirst = 10000;
constexpr std::uint32_t kSecond = 20000;

/// The number is at the end, and names have the length of usual ones.
std::string file_name(unsigned i, const char* stem = "file-name-") {
  return fmt::format("{}{:04}", stem, i);
}

wire::Twalk walk(std::uint32_t fid, std::uint32_t newfid, std::string_view name = {}) {
  wire::Twalk message;
  message.fid = fid;
  message.newfid = newfid;
  if (!name.empty()) {
    message.nwname = 1;
    message.wname[0] = name;
  }
  return message;
}

/// A request for each file.
void for_each_file(Client& client, const MakeRequest& make) {
  client.run(kFiles, kSlots, make);
}

MakeRequest walking_to(std::uint32_t first) {
  return [first](unsigned i, std::span<std::byte> room) {
    return Client::plain(walk(kFilesDir, first + i, file_name(i)), room);
  };
}

MakeRequest clunking(std::uint32_t first) {
  return [first](unsigned i, std::span<std::byte> room) {
    return Client::plain(wire::Tclunk{.fid = first + i}, room);
  };
}

MakeRequest cloning(std::uint32_t from, std::uint32_t first) {
  return [from, first](unsigned i, std::span<std::byte> room) {
    return Client::plain(walk(from, first + i), room);
  };
}

void hold_files(Client& client) {
  for_each_file(client, walking_to(kFirst));
}

void drop_files(Client& client) {
  for_each_file(client, clunking(kFirst));
}

void keep_files(BareCalls& calls) {
  for (unsigned i = 0; i < kFiles; ++i) {
    calls.keep(i, calls.open_path(Dir::files, file_name(i).c_str()));
  }
}

void close_files(BareCalls& calls) {
  calls.close_all();
}

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

void create_work_files(Client& client) {
  for_each_file(client, cloning(kWorkDir, kFirst));
  for_each_file(client, [](unsigned i, std::span<std::byte> room) {
    return Client::plain(wire::Tlcreate{.fid = kFirst + i,
                                        .name = file_name(i),
                                        .flags = O_RDWR,
                                        .mode = S_IFREG | 0644,
                                        .gid = 0},
                         room);
  });
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

std::vector<Operation> lookups() {
  return {
      {.name = "walk, inode not held",
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
       .bare_clean = close_files},
      {.name = "walk, inode held",
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
       .bare_clean = close_files},
      {.name = "walk, no such name",
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
       .bare_clean = {}},
      {.name = "clone",
       .prepare = {},
       .request = cloning(kFilesDir, kFirst),
       .clean = drop_files,
       .bare_prepare = {},
       .bare = {},
       .bare_clean = {}},
      {.name = "clunk of a clone",
       .prepare = [](Client& client) { for_each_file(client, cloning(kFilesDir, kFirst)); },
       .request = clunking(kFirst),
       .clean = {},
       .bare_prepare = {},
       .bare = {},
       .bare_clean = {}},
      {.name = "clunk, last of its inode",
       .prepare = hold_files,
       .request = clunking(kFirst),
       .clean = {},
       .bare_prepare = keep_files,
       .bare = [](BareCalls& calls, unsigned i) { calls.close(i); },
       .bare_clean = {}},
      {.name = "getattr",
       .prepare = hold_files,
       .request =
           [](unsigned i, std::span<std::byte> room) {
             return Client::plain(
                 wire::Tgetattr{.fid = kFirst + i, .request_mask = wire::kGetattrBasic}, room);
           },
       .clean = drop_files,
       .bare_prepare = keep_files,
       .bare = [](BareCalls& calls, unsigned i) { calls.stat(calls.kept(i)); },
       .bare_clean = close_files},
  };
}

std::vector<Operation> attributes() {
  return {
      {.name = "xattrwalk security.capability",
       .prepare = hold_files,
       .request =
           [](unsigned i, std::span<std::byte> room) {
             Request request = Client::plain(
                 wire::Txattrwalk{
                     .fid = kFirst + i, .newfid = kSecond + i, .name = "security.capability"},
                 room, ENODATA);
             request.other_error = EOPNOTSUPP;  // QEMU's.
             return request;
           },
       .clean = drop_files,
       .bare_prepare = keep_files,
       .bare = [](BareCalls& calls, unsigned i) { (void)calls.get_capability(calls.kept(i)); },
       .bare_clean = close_files},
      {.name = "setattr mode",
       .prepare = hold_files,
       .request =
           [](unsigned i, std::span<std::byte> room) {
             return Client::plain(
                 wire::Tsetattr{.fid = kFirst + i, .valid = wire::kSetMode, .mode = 0600}, room);
           },
       .clean = drop_files,
       .bare_prepare = keep_files,
       .bare = [](BareCalls& calls, unsigned i) { calls.set_mode_record(calls.kept(i)); },
       .bare_clean = close_files},
  };
}

MakeRequest reading(std::size_t size) {
  return [size](unsigned, std::span<std::byte> room) {
    Request request = Client::plain(
        wire::Tread{.fid = kReader, .offset = 0, .count = static_cast<std::uint32_t>(size)}, room);
    request.payload = Payload::in_reply;
    request.payload_size = size;
    return request;
  };
}

MakeRequest writing(std::size_t size) {
  return [size](unsigned, std::span<std::byte> room) {
    Request request = Client::plain(
        wire::Twrite{.fid = kWriter, .offset = 0, .count = static_cast<std::uint32_t>(size)}, room);
    request.payload = Payload::in_request;
    request.payload_size = size;
    return request;
  };
}

std::vector<Operation> contents() {
  const auto plain = [](std::string name, MakeRequest request,
                        std::function<void(BareCalls&, unsigned)> bare, unsigned count) {
    return Operation{.name = std::move(name),
                     .prepare = {},
                     .request = std::move(request),
                     .clean = {},
                     .bare_prepare = {},
                     .bare = std::move(bare),
                     .bare_clean = {},
                     .count = count};
  };
  constexpr unsigned kLargeCount = 200;
  return {
      {.name = "open",
       .prepare = hold_files,
       .request =
           [](unsigned i, std::span<std::byte> room) {
             return Client::plain(wire::Tlopen{.fid = kFirst + i, .flags = O_RDONLY}, room);
           },
       .clean = drop_files,
       .bare_prepare = keep_files,
       .bare =
           [](BareCalls& calls, unsigned i) {
             const int path = calls.kept(i);
             calls.keep(i, calls.reopen(path));
             ::close(path);
           },
       .bare_clean = close_files},
      plain(
          "read of 4 KiB", reading(kPage), [](BareCalls& calls, unsigned) { calls.read(kPage); },
          kFiles),
      plain(
          "read of msize", reading(kLargePayload),
          [](BareCalls& calls, unsigned) { calls.read(kLargePayload); }, kLargeCount),
      plain(
          "write of 4 KiB", writing(kPage), [](BareCalls& calls, unsigned) { calls.write(kPage); },
          kFiles),
      plain(
          "write of msize", writing(kLargePayload),
          [](BareCalls& calls, unsigned) { calls.write(kLargePayload); }, kLargeCount),
      plain(
          "readdir of 100 entries",
          [](unsigned, std::span<std::byte> room) {
            Request request = Client::plain(
                wire::Treaddir{.fid = kLister, .offset = 0, .count = 8 * kPage}, room);
            request.payload = Payload::in_reply;
            request.payload_size = 8 * kPage;
            return request;
          },
          [](BareCalls& calls, unsigned) { calls.list(); }, kLargeCount),
  };
}

std::vector<Operation> names() {
  return {
      {.name = "create",
       .prepare = [](Client& client) { for_each_file(client, cloning(kWorkDir, kFirst)); },
       .request =
           [](unsigned i, std::span<std::byte> room) {
             return Client::plain(wire::Tlcreate{.fid = kFirst + i,
                                                 .name = file_name(i),
                                                 .flags = O_RDWR,
                                                 .mode = S_IFREG | 0644,
                                                 .gid = 0},
                                  room);
           },
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
           }},
      {.name = "mkdir",
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
           }},
      {.name = "unlink",
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
       .bare_clean = {}},
      {.name = "rename",
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
                   wire::Tunlinkat{
                       .dirfd = kWorkDir, .name = file_name(i, "new-name-"), .flags = 0},
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
           }},
  };
}

void record(const std::filesystem::path& path, std::uint32_t mode) {
  const auto zero = mapped::encode_u32(0);
  const auto bytes = mapped::encode_u32(mode);
  if (::setxattr(path.c_str(), mapped::kXattrUid, zero.data(), zero.size(), 0) != 0 ||
      ::setxattr(path.c_str(), mapped::kXattrGid, zero.data(), zero.size(), 0) != 0 ||
      ::setxattr(path.c_str(), mapped::kXattrMode, bytes.data(), bytes.size(), 0) != 0) {
    throw std::system_error(errno, std::generic_category(), path.string());
  }
}

void make_file(const std::filesystem::path& path, std::size_t size) {
  std::ofstream(path, std::ios::binary) << std::string(size, 'x');
  record(path, S_IFREG | 0644U);
}

}  // namespace

void make_tree(const std::string& path) {
  const std::filesystem::path root(path);
  for (const char* name : {"files", "list", "work"}) {
    std::filesystem::create_directory(root / name);
    record(root / name, S_IFDIR | 0755U);
  }
  for (unsigned i = 0; i < kFiles; ++i) {
    make_file(root / "files" / file_name(i), kPage);
  }
  for (unsigned i = 0; i < kListed; ++i) {
    make_file(root / "list" / file_name(i), 0);
  }
  make_file(root / "large", kLargePayload);
}

void begin_session(Client& client) {
  client.call(wire::Tversion{.msize = static_cast<std::uint32_t>(kLargePayload + 24),
                             .version = "9P2000.L"});
  client.call(wire::Tattach{
      .fid = kRoot, .afid = wire::kNoFid, .uname = "root", .aname = "", .n_uname = 0});
  client.call(walk(kRoot, kFilesDir, "files"));
  client.call(walk(kRoot, kWorkDir, "work"));
  client.call(walk(kRoot, kReader, "large"));
  client.call(wire::Tlopen{.fid = kReader, .flags = O_RDONLY});
  client.call(walk(kRoot, kWriter, "large"));
  client.call(wire::Tlopen{.fid = kWriter, .flags = O_RDWR});
  client.call(walk(kRoot, kLister, "list"));
  client.call(wire::Tlopen{.fid = kLister, .flags = O_RDONLY});
}

std::vector<Operation> operations() {
  std::vector<Operation> all;
  for (auto group : {lookups(), attributes(), contents(), names()}) {
    std::ranges::move(group, std::back_inserter(all));
  }
  return all;
}

}  // namespace nineroot::bench
