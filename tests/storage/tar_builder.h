// Writes tar archives by hand, so that tests can make those that no tar program would.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>

#include <fmt/format.h>

namespace nineroot::testing_support {

/// One header; what a test does not say is a root-owned file, 0644.
struct Member {
  std::string name;
  char type = '0';  ///< '0' file, '1' hard link, '2' symlink, '3' chr, '4' blk, '5' dir, '6' fifo.
  std::uint32_t mode = 0644;
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t mtime = 1'700'000'000;
  std::string link{};
  unsigned major = 0;
  unsigned minor = 0;
  std::string content{};
  std::int64_t announced_size = -1;          ///< -1: the content's.
  std::map<std::string, std::string> pax{};  ///< Extended header records before it.
};

class TarBuilder {
 public:
  TarBuilder& add(const Member& member) {
    if (!member.pax.empty()) {
      std::string records;
      for (const auto& [key, value] : member.pax) {
        records += pax_record(key, value);
      }
      append({.name = "pax", .type = 'x', .content = records});
    }
    if (member.name.size() >= kNameSize) {
      append({.name = "././@LongLink", .type = 'L', .content = member.name + '\0'});
    }
    if (member.link.size() >= kNameSize) {
      append({.name = "././@LongLink", .type = 'K', .content = member.link + '\0'});
    }
    append(member);
    return *this;
  }

  TarBuilder& directory(const std::string& name, std::uint32_t mode = 0755) {
    return add({.name = name, .type = '5', .mode = mode});
  }

  TarBuilder& file(const std::string& name, const std::string& content) {
    return add({.name = name, .content = content});
  }

  TarBuilder& symlink(const std::string& name, const std::string& target) {
    return add({.name = name, .type = '2', .mode = 0777, .link = target});
  }

  TarBuilder& hard_link(const std::string& name, const std::string& target) {
    return add({.name = name, .type = '1', .link = target});
  }

  /// Without the end mark.
  [[nodiscard]] const std::string& open_end() const { return bytes_; }

  [[nodiscard]] std::string done() const { return bytes_ + std::string(2 * kBlock, '\0'); }

 private:
  static constexpr std::size_t kBlock = 512;
  static constexpr std::size_t kNameSize = 100;

  /// "LENGTH key=value\n", where LENGTH counts itself.
  static std::string pax_record(const std::string& key, const std::string& value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (std::to_string(length).size() + rest != length) {
      ++length;
    }
    return std::to_string(length) + " " + key + "=" + value + "\n";
  }

  /// Octal, or base-256 for what does not fit.
  static void put_number(std::array<char, kBlock>& header, std::size_t at, std::size_t size,
                         std::uint64_t value) {
    if (value >> (3 * (size - 1)) == 0) {
      const std::string text = fmt::format("{:0{}o}", value, size - 1);
      std::memcpy(header.data() + at, text.data(), text.size());
      return;
    }
    header[at] = static_cast<char>(0x80);
    for (std::size_t i = 1; i < size && i <= sizeof(value); ++i) {
      header[at + size - i] = static_cast<char>(value >> (8 * (i - 1)));
    }
  }

  static void put_text(std::array<char, kBlock>& header, std::size_t at, std::size_t size,
                       const std::string& text) {
    std::memcpy(header.data() + at, text.data(), std::min(size, text.size()));
  }

  void append(const Member& member) {
    std::array<char, kBlock> header{};
    put_text(header, 0, kNameSize, member.name);
    put_number(header, 100, 8, member.mode);
    put_number(header, 108, 8, member.uid);
    put_number(header, 116, 8, member.gid);
    put_number(header, 124, 12,
               member.announced_size >= 0 ? static_cast<std::uint64_t>(member.announced_size)
                                          : member.content.size());
    put_number(header, 136, 12, member.mtime);
    header[156] = member.type;
    put_text(header, 157, kNameSize, member.link);
    put_text(header, 257, 8,
             std::string("ustar\0"
                         "00",
                         8));
    put_number(header, 329, 8, member.major);
    put_number(header, 337, 8, member.minor);
    put_text(header, 148, 8, "        ");
    unsigned sum = 0;
    for (const char c : header) {
      sum += static_cast<unsigned char>(c);
    }
    put_text(header, 148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
    bytes_.append(header.data(), header.size());
    bytes_ += member.content;
    bytes_.append((kBlock - member.content.size() % kBlock) % kBlock, '\0');
  }

  std::string bytes_;
};

}  // namespace nineroot::testing_support
