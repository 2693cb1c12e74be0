// Requests that several operations send, and the fids that they use.  The operations are in
// operations_*.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/ring_driver/bare_calls.h"
#include "bench/ring_driver/client.h"
#include "wire/messages.h"

namespace nineroot::bench {

using Dir = BareCalls::Dir;

// Fids: directories, open files, and two for each file.
enum : std::uint32_t { kRoot, kFilesDir, kWorkDir, kReader, kWriter, kLister, kScratch };
inline constexpr std::uint32_t kFirst = 10000;
inline constexpr std::uint32_t kSecond = 20000;

/// The number is at the end, and names have the length of usual ones.
[[nodiscard]] std::string file_name(unsigned i, const char* stem = "file-name-");

[[nodiscard]] wire::Twalk walk(std::uint32_t fid, std::uint32_t newfid, std::string_view name = {});

/// A request for each file.
void for_each_file(Client& client, const MakeRequest& make);

// With fid `first` + i for file i.
[[nodiscard]] MakeRequest walking_to(std::uint32_t first);
[[nodiscard]] MakeRequest clunking(std::uint32_t first);
[[nodiscard]] MakeRequest cloning(std::uint32_t from, std::uint32_t first);

// Fids kFirst for all files, and descriptors as their counterpart.
void hold_files(Client& client);
void drop_files(Client& client);
void keep_files(BareCalls& calls);
void close_files(BareCalls& calls);

}  // namespace nineroot::bench
