#include "agent/message.h"

#include <array>
#include <concepts>
#include <utility>

namespace nineroot::agent {
namespace {

class Writer {
 public:
  template <std::unsigned_integral T>
  void operator()(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<char>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xffU));
    }
  }

  void operator()(bool value) { (*this)(static_cast<std::uint8_t>(value)); }

  void operator()(Stream value) { (*this)(static_cast<std::uint8_t>(value)); }

  void operator()(const std::string& value) {
    (*this)(static_cast<std::uint32_t>(value.size()));
    bytes_ += value;
  }

  void operator()(const std::vector<std::string>& values) {
    (*this)(static_cast<std::uint32_t>(values.size()));
    for (const std::string& value : values) {
      (*this)(value);
    }
  }

  [[nodiscard]] std::string take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// After the first field that makes no sense all others are left as they are.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <std::unsigned_integral T>
  void operator()(T& value) {
    if (rest_.size() < sizeof(T)) {
      is_good_ = false;
    }
    if (!is_good_) {
      return;
    }
    std::uint64_t wide = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      wide |= std::uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
    }
    value = static_cast<T>(wide);
    rest_.remove_prefix(sizeof(T));
  }

  void operator()(bool& value) {
    std::uint8_t number = 0;
    (*this)(number);
    is_good_ = is_good_ && number <= 1;
    value = number == 1;
  }

  void operator()(Stream& value) {
    std::uint8_t number = 0;
    (*this)(number);
    is_good_ = is_good_ && number <= static_cast<std::uint8_t>(Stream::error);
    value = static_cast<Stream>(number);
  }

  void operator()(std::string& value) {
    std::uint32_t size = 0;
    (*this)(size);
    if (!is_good_ || size > rest_.size()) {
      is_good_ = false;
      return;
    }
    value = rest_.substr(0, size);
    rest_.remove_prefix(size);
  }

  void operator()(std::vector<std::string>& values) {
    std::uint32_t count = 0;
    (*this)(count);
    // Each takes four bytes at least, so a short frame cannot ask for a long list.
    if (!is_good_ || count > rest_.size() / 4) {
      is_good_ = false;
      return;
    }
    values.resize(count);
    for (std::string& value : values) {
      (*this)(value);
    }
  }

  [[nodiscard]] bool is_good() const { return is_good_; }

  [[nodiscard]] bool is_at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool is_good_ = true;
};

template <std::size_t Number>
std::optional<Message> read_message(Reader& reader) {
  std::variant_alternative_t<Number, Message> message;
  std::apply([&reader](auto&... field) { (reader(field), ...); },
             std::remove_reference_t<decltype(message)>::fields(message));
  return Message(std::in_place_index<Number>, std::move(message));
}

using ReadMessage = std::optional<Message> (*)(Reader& reader);

template <std::size_t... Numbers>
constexpr std::array<ReadMessage, sizeof...(Numbers)> all_readers(std::index_sequence<Numbers...>) {
  return {&read_message<Numbers>...};
}

constexpr auto kReaders = all_readers(std::make_index_sequence<std::variant_size_v<Message>>());

bool has_too_much_data(const Message& message) {
  if (const Input* input = std::get_if<Input>(&message)) {
    return input->bytes.size() > kMaxData;
  }
  if (const Output* output = std::get_if<Output>(&message)) {
    return output->bytes.size() > kMaxData || output->stream == Stream::input;
  }
  return false;
}

}  // namespace

std::string encode(const Letter& letter) {
  Writer writer;
  writer(static_cast<std::uint8_t>(letter.message.index()));
  writer(letter.command);
  std::visit(
      [&writer](const auto& message) {
        std::apply([&writer](const auto&... field) { (writer(field), ...); },
                   std::remove_cvref_t<decltype(message)>::fields(message));
      },
      letter.message);
  return std::move(writer).take();
}

std::optional<Letter> decode(std::string_view content) {
  Reader reader(content);
  std::uint8_t number = 0;
  Letter letter;
  reader(number);
  reader(letter.command);
  if (!reader.is_good() || number >= kReaders.size()) {
    return std::nullopt;
  }
  std::optional<Message> message = kReaders[number](reader);
  if (!message || !reader.is_good() || !reader.is_at_end() || has_too_much_data(*message)) {
    return std::nullopt;
  }
  letter.message = std::move(*message);
  return letter;
}

}  // namespace nineroot::agent
