// Reads a tar stream of any dialect, plain or compressed with gzip, bzip2, xz or zstd, by
// libarchive. Reports what is in it; whether that may be written anywhere is tree_writer.h's.
#pragma once

#include <memory>
#include <string>

#include "base/failure.h"
#include "storage/entry.h"

struct archive;
struct archive_entry;

namespace nineroot::storage {

/// The largest file that an archive may announce; beyond it the archive is taken for a hostile one.
inline constexpr std::uint64_t kLargestFile = 1ULL << 44U;

class TarReader : public EntrySource {
 public:
  /// Reads from the descriptor `input` (borrowed), which need not seek; `name` is for messages.
  /// Fails if it does not begin like an archive.
  static Outcome<std::unique_ptr<TarReader>> open(int input, std::string name);
  ~TarReader() override;

  /// A truncated or damaged archive, sizes that cannot be, and negative ids are a Failure.  At the
  /// end what is left of the input is read, so that a writer of a pipe is not cut off.
  Outcome<bool> next(Entry& entry) override;
  Outcome<void> copy_content(int to) override;

  [[nodiscard]] std::uint64_t consumed() const override;

 private:
  struct Input;

  TarReader(std::unique_ptr<Input> input, std::string name);
  Outcome<void> begin();
  Outcome<bool> finish();
  Outcome<void> fill(Entry& entry) const;
  [[nodiscard]] std::unexpected<Failure> broken(std::string what) const;

  std::unique_ptr<Input> input_;
  std::string name_;
  archive* archive_ = nullptr;
  archive_entry* entry_ = nullptr;  ///< libarchive's, valid until the next header.
  std::uint64_t entries_ = 0;
};

}  // namespace nineroot::storage
