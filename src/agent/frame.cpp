#include "agent/frame.h"

namespace nineroot::agent {
namespace {

constexpr std::size_t kLongestRun = 254;

// One more byte for each 254, and the first.
constexpr std::size_t kMaxEncoded = kMaxFrame + kMaxFrame / kLongestRun + 2;

std::optional<std::string> decode(std::string_view encoded) {
  std::string content;
  content.reserve(encoded.size());
  while (!encoded.empty()) {
    const std::size_t run = static_cast<unsigned char>(encoded.front()) - 1U;
    encoded.remove_prefix(1);
    if (run > encoded.size()) {
      return std::nullopt;
    }
    content.append(encoded.substr(0, run));
    encoded.remove_prefix(run);
    if (run < kLongestRun && !encoded.empty()) {
      content.push_back('\0');
    }
  }
  return content;
}

}  // namespace

void append_frame(std::string& stream, std::string_view content) {
  // A run is what lies before a zero byte; its length plus one stands in front of it.  254 bytes
  // without a zero make a run that no zero follows.
  bool is_open = true;
  while (is_open) {
    const std::string_view piece = content.substr(0, kLongestRun);
    const std::size_t zero = piece.find('\0');
    const std::size_t run = zero == std::string_view::npos ? piece.size() : zero;
    stream.push_back(static_cast<char>(run + 1));
    stream.append(content.substr(0, run));
    content.remove_prefix(run);
    if (run == kLongestRun) {
      is_open = !content.empty();
    } else {
      is_open = !content.empty();
      content.remove_prefix(is_open ? 1 : 0);
    }
  }
  append_frame_break(stream);
}

void append_frame_break(std::string& stream) {
  stream.push_back('\0');
}

void FrameReader::feed(std::string_view bytes) {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  buffer_.append(bytes);
}

std::optional<std::string> FrameReader::next() {
  for (;;) {
    const std::size_t end = buffer_.find('\0', scanned_);
    if (end == std::string::npos) {
      scanned_ = buffer_.size();
      if (is_skipping_ || scanned_ - begin_ > kMaxEncoded) {
        is_skipping_ = true;
        begin_ = scanned_;
      }
      return std::nullopt;
    }
    const std::string_view encoded(buffer_.data() + begin_, end - begin_);
    const bool is_good = !is_skipping_ && !encoded.empty() && encoded.size() <= kMaxEncoded;
    std::optional<std::string> content = is_good ? decode(encoded) : std::nullopt;
    begin_ = end + 1;
    scanned_ = begin_;
    is_skipping_ = false;
    if (content && content->size() <= kMaxFrame) {
      return content;
    }
  }
}

}  // namespace nineroot::agent
