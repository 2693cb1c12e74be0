// Bytes to messages and back, from each message's own list of fields (messages.h).
// Decoding is sticky: a short message reads as zeros to the end and fails once, at finish().
// Encoding counts what did not fit instead of writing it.  Neither can abort.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "wire/types.h"

namespace nineroot::wire {

template <class T>
concept WireInteger = std::unsigned_integral<T> && !std::same_as<T, bool>;

/// Decodes little-endian fields from `bytes`, which must outlive the string_views that come out.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

  void operator()(WireInteger auto& value) {
    value = 0;
    const std::span<const std::byte> bytes = take(sizeof(value));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value = static_cast<std::remove_reference_t<decltype(value)>>(
          value | (static_cast<std::uint64_t>(bytes[i]) << (8 * i)));
    }
  }

  /// string: len[2] bytes.  May hold NUL or '/': names are checked where they are used.
  void operator()(std::string_view& text) {
    std::uint16_t length = 0;
    (*this)(length);
    const std::span<const std::byte> bytes = take(length);
    text = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  template <class T>
    requires requires(T& value, Reader& reader) { T::fields(value, reader); }
  void operator()(T& value) {
    T::fields(value, *this);
  }

  /// True if all fields were there and nothing is left over.
  [[nodiscard]] bool finish() const { return !is_short_ && rest_.empty(); }

  [[nodiscard]] bool is_short() const { return is_short_; }

 private:
  std::span<const std::byte> take(std::size_t size) {
    if (size > rest_.size()) {
      is_short_ = true;
      rest_ = {};
      return {};
    }
    const std::span<const std::byte> bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return bytes;
  }

  std::span<const std::byte> rest_;
  bool is_short_ = false;
};

/// Encodes little-endian fields into `room`.
class Writer {
 public:
  explicit Writer(std::span<std::byte> room) : room_(room) {}

  void operator()(const WireInteger auto& value) {
    std::byte bytes[sizeof(value)];
    for (std::size_t i = 0; i < sizeof(value); ++i) {
      bytes[i] = static_cast<std::byte>(value >> (8 * i));
    }
    put(bytes);
  }

  /// A text over 65535 bytes cannot be told and counts as not fitting.
  void operator()(const std::string_view& text) {
    if (text.size() > UINT16_MAX) {
      has_overflowed_ = true;
      return;
    }
    (*this)(static_cast<std::uint16_t>(text.size()));
    put(std::as_bytes(std::span(text)));
  }

  template <class T>
    requires requires(const T& value, Writer& writer) { T::fields(value, writer); }
  void operator()(const T& value) {
    T::fields(value, *this);
  }

  /// Bytes written so far.
  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] bool has_overflowed() const { return has_overflowed_; }

 private:
  void put(std::span<const std::byte> bytes) {
    if (bytes.size() > room_.size() - size_) {
      has_overflowed_ = true;
      return;
    }
    std::memcpy(room_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }

  std::span<std::byte> room_;
  std::size_t size_ = 0;
  bool has_overflowed_ = false;
};

/// The first 7 bytes of each message.
struct Header {
  std::uint32_t size = 0;
  std::uint8_t type = 0;
  std::uint16_t tag = 0;

  static void fields(auto& m, auto&& f) {
    f(m.size);
    f(m.type);
    f(m.tag);
  }
};

[[nodiscard]] inline Header read_header(std::span<const std::byte> message) {
  Header header;
  Reader reader(message.first(std::min(message.size(), kHeaderSize)));
  reader(header);
  return header;
}

/// Decodes the body of a message (what follows the header); nothing if a field is missing or
/// bytes are left over.
template <class Message>
[[nodiscard]] std::optional<Message> decode_body(std::span<const std::byte> body) {
  Message message;
  Reader reader(body);
  reader(message);
  if (!reader.finish()) {
    return std::nullopt;
  }
  return message;
}

/// Encodes a whole message; returns its size, or 0 if `room` is too small.
template <class Message>
[[nodiscard]] std::size_t encode(std::uint16_t tag, const Message& message,
                                 std::span<std::byte> room) {
  Writer writer(room);
  writer(Header{.size = 0, .type = static_cast<std::uint8_t>(Message::kType), .tag = tag});
  writer(message);
  if (writer.has_overflowed()) {
    return 0;
  }
  Writer size_field(room);
  size_field(static_cast<std::uint32_t>(writer.size()));
  return writer.size();
}

}  // namespace nineroot::wire
