// Frames on a stream that either end may drop and take up again at any byte, such as a
// virtio-serial port: consistent overhead byte stuffing (Cheshire and Baker, 1999).  No encoded
// frame holds a zero byte and a zero byte ends each, so a reader that lost its place is right again
// after the next.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace nineroot::agent {

/// The longest content of a frame, in bytes; room for a command with a large environment.
inline constexpr std::size_t kMaxFrame = 256 * 1024;

/// Adds `content` to a stream as one frame.
void append_frame(std::string& stream, std::string_view content);

/// Adds what ends a frame that a former writer may have left unfinished.
void append_frame_break(std::string& stream);

/// Takes frames out of a stream.  Holds at most one frame and what was fed last; frames that are
/// damaged or longer than kMaxFrame are left out.
class FrameReader {
 public:
  void feed(std::string_view bytes);

  /// The next whole frame's content; nothing until more is fed.
  std::optional<std::string> next();

 private:
  std::string buffer_;
  std::size_t begin_ = 0;     ///< Before it all is consumed.
  std::size_t scanned_ = 0;   ///< Before it there is no end of a frame.
  bool is_skipping_ = false;  ///< Inside of a frame that is too long.
};

}  // namespace nineroot::agent
