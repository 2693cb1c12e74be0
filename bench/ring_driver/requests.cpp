#include "bench/ring_driver/requests.h"

#include <fmt/format.h>

#include "bench/ring_driver/operations.h"

namespace nineroot::bench {

std::string file_name(unsigned i, const char* stem) {
  return fmt::format("{}{:04}", stem, i);
}

wire::Twalk walk(std::uint32_t fid, std::uint32_t newfid, std::string_view name) {
  wire::Twalk message;
  message.fid = fid;
  message.newfid = newfid;
  if (!name.empty()) {
    message.nwname = 1;
    message.wname[0] = name;
  }
  return message;
}

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

}  // namespace nineroot::bench
