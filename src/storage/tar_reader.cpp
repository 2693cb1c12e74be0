#include "storage/tar_reader.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include "storage/descriptor.h"
#include "storage/entry_path.h"
#include "storage/write_failure.h"

namespace nineroot::storage {
namespace {

constexpr std::size_t kBlock = 256U << 10U;
constexpr std::size_t kTarRecord = 512;

PosixAcl take_acl(archive_entry* entry, int type) {
  PosixAcl acl;
  if (::archive_entry_acl_reset(entry, type) == 0) {
    return acl;
  }
  int kind = 0;
  int permissions = 0;
  int tag = 0;
  int id = 0;
  const char* name = nullptr;
  while (::archive_entry_acl_next(entry, type, &kind, &permissions, &tag, &id, &name) ==
         ARCHIVE_OK) {
    AclEntry taken;
    switch (tag) {
      case ARCHIVE_ENTRY_ACL_USER_OBJ:
        taken.tag = AclEntry::Tag::user_obj;
        break;
      case ARCHIVE_ENTRY_ACL_USER:
        taken.tag = AclEntry::Tag::user;
        break;
      case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
        taken.tag = AclEntry::Tag::group_obj;
        break;
      case ARCHIVE_ENTRY_ACL_GROUP:
        taken.tag = AclEntry::Tag::group;
        break;
      case ARCHIVE_ENTRY_ACL_MASK:
        taken.tag = AclEntry::Tag::mask;
        break;
      case ARCHIVE_ENTRY_ACL_OTHER:
        taken.tag = AclEntry::Tag::other;
        break;
      default:
        continue;
    }
    taken.permissions = static_cast<std::uint16_t>(permissions & 7);
    if (id >= 0) {
      taken.id = static_cast<std::uint32_t>(id);
    } else if (name != nullptr) {
      taken.name = name;
    }
    acl.push_back(std::move(taken));
  }
  return acl;
}

/// Libarchive counts the three entries of the mode too; only more than these is an ACL.
std::optional<PosixAcl> take_extended_acl(archive_entry* entry, int type) {
  if ((::archive_entry_acl_types(entry) & type) == 0) {
    return std::nullopt;
  }
  PosixAcl acl = take_acl(entry, type);
  if (acl.empty()) {
    return std::nullopt;
  }
  return acl;
}

std::string text_or_empty(const char* text) {
  return text == nullptr ? "" : text;
}

}  // namespace

struct TarReader::Input {
  int fd;
  std::uint64_t consumed = 0;
  bool has_ended = false;
  std::array<char, kTarRecord> tail{};  ///< The last bytes that were read.
  std::vector<char> buffer = std::vector<char>(kBlock);

  ssize_t read_block() {
    while (true) {
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got > 0) {
        consumed += static_cast<std::uint64_t>(got);
        keep_tail(static_cast<std::size_t>(got));
      }
      has_ended = has_ended || got == 0;
      return got;
    }
  }

  void keep_tail(std::size_t got) {
    const std::size_t fresh = std::min(got, tail.size());
    std::shift_left(tail.begin(), tail.end(), static_cast<std::ptrdiff_t>(fresh));
    std::copy_n(buffer.begin() + static_cast<std::ptrdiff_t>(got - fresh), fresh,
                tail.end() - static_cast<std::ptrdiff_t>(fresh));
  }

  static la_ssize_t on_read(archive* reader, void* self, const void** data) {
    auto* input = static_cast<Input*>(self);
    const ssize_t got = input->read_block();
    if (got < 0) {
      ::archive_set_error(reader, errno, "cannot read: %s", describe(Errno{errno}).c_str());
      return ARCHIVE_FATAL;
    }
    *data = input->buffer.data();
    return got;
  }
};

TarReader::TarReader(std::unique_ptr<Input> input, std::string name)
    : input_(std::move(input)), name_(std::move(name)) {
}

TarReader::~TarReader() {
  if (archive_ != nullptr) {
    ::archive_read_free(archive_);
  }
}

std::unexpected<Failure> TarReader::broken(std::string what) const {
  Failure failure(std::move(what));
  if (const char* cause = ::archive_error_string(archive_); cause != nullptr) {
    return std::unexpected(Failure(cause).within(failure.what()));
  }
  return std::unexpected(std::move(failure));
}

Outcome<std::unique_ptr<TarReader>> TarReader::open(int input, std::string name) {
  auto source = std::make_unique<Input>();
  source->fd = input;
  std::unique_ptr<TarReader> reader(new TarReader(std::move(source), std::move(name)));
  TRY(reader->begin());
  return reader;
}

Outcome<void> TarReader::begin() {
  archive_ = ::archive_read_new();
  if (archive_ == nullptr) {
    return failure(Errno{ENOMEM}, "cannot read {}", name_);
  }
  ::archive_read_support_format_tar(archive_);
  ::archive_read_support_filter_gzip(archive_);
  ::archive_read_support_filter_bzip2(archive_);
  ::archive_read_support_filter_xz(archive_);
  ::archive_read_support_filter_zstd(archive_);
  // Names are bytes; without this, names that are no UTF-8 would be converted or refused.
  ::archive_read_set_format_option(archive_, "tar", "hdrcharset", "BINARY");
  if (::archive_read_open(archive_, input_.get(), nullptr, &Input::on_read, nullptr) !=
      ARCHIVE_OK) {
    auto error = broken(fmt::format("cannot read {} as an archive", name_));
    return std::unexpected(std::move(error).error().with_hint(
        "give a tar file, plain or compressed with gzip, xz, zstd or bzip2"));
  }
  return {};
}

Outcome<bool> TarReader::next(Entry& entry) {
  const int got = ::archive_read_next_header(archive_, &entry_);
  if (got == ARCHIVE_EOF) {
    return finish();
  }
  if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
    auto error =
        broken(entries_ == 0 ? fmt::format("cannot read {} as an archive", name_)
                             : fmt::format("{} is damaged after {} entries", name_, entries_));
    return std::unexpected(std::move(error).error().with_hint(
        entries_ == 0 ? "give a tar file, plain or compressed with gzip, xz, zstd or bzip2"
                      : "the archive is cut off or broken: get it again"));
  }
  ++entries_;
  entry = Entry();
  TRY(fill(entry));
  return true;
}

Outcome<bool> TarReader::finish() {
  const bool is_plain = ::archive_filter_code(archive_, 0) == ARCHIVE_FILTER_NONE;
  const bool has_zero_record = std::ranges::all_of(input_->tail, [](char c) { return c == 0; });
  if (entries_ == 0) {
    return std::unexpected(Failure(fmt::format("{} has no entries", name_))
                               .with_hint("give a tar file that holds a guest's tree"));
  }
  // A tar ends in records of zeros; libarchive takes one that was cut off between two entries.
  if (is_plain && input_->has_ended && !has_zero_record) {
    return std::unexpected(
        Failure(fmt::format("{} ends without an end mark after {} entries", name_, entries_))
            .with_hint("the archive is cut off: get it again"));
  }
  while (!input_->has_ended) {
    if (input_->read_block() < 0) {
      return failure(Errno{errno}, "cannot read {} to its end", name_);
    }
  }
  return false;
}

Outcome<void> TarReader::fill(Entry& entry) const {
  entry.path = text_or_empty(::archive_entry_pathname(entry_));
  entry.mode = static_cast<std::uint32_t>(::archive_entry_mode(entry_));
  const auto uid = ::archive_entry_uid(entry_);
  const auto gid = ::archive_entry_gid(entry_);
  const auto size = ::archive_entry_size(entry_);
  if (uid < 0 || gid < 0 || size < 0 || static_cast<std::uint64_t>(size) > kLargestFile) {
    return failure("{}: entry {} has an owner or a size ({}) that cannot be", name_,
                   printable(entry.path), size);
  }
  entry.uid = static_cast<std::uint64_t>(uid);
  entry.gid = static_cast<std::uint64_t>(gid);
  entry.size = static_cast<std::uint64_t>(size);
  entry.rdev = ::makedev(static_cast<unsigned>(::archive_entry_rdevmajor(entry_)),
                         static_cast<unsigned>(::archive_entry_rdevminor(entry_)));
  entry.mtime = {.tv_sec = ::archive_entry_mtime(entry_),
                 .tv_nsec = ::archive_entry_mtime_nsec(entry_)};
  if (const char* link = ::archive_entry_hardlink(entry_); link != nullptr) {
    entry.is_hard_link = true;
    entry.target = link;
    return {};
  }
  entry.target = text_or_empty(::archive_entry_symlink(entry_));
  entry.access_acl = take_extended_acl(entry_, ARCHIVE_ENTRY_ACL_TYPE_ACCESS);
  entry.default_acl = take_extended_acl(entry_, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT);
  ::archive_entry_xattr_reset(entry_);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t length = 0;
  while (::archive_entry_xattr_next(entry_, &name, &value, &length) == ARCHIVE_OK) {
    entry.xattrs.emplace_back(name, std::string(static_cast<const char*>(value), length));
  }
  return {};
}

Outcome<void> TarReader::copy_content(int to) {
  const auto size = static_cast<std::uint64_t>(::archive_entry_size(entry_));
  std::uint64_t expected = size;
  if (::archive_entry_sparse_reset(entry_) > 0) {
    expected = 0;
    la_int64_t offset = 0;
    la_int64_t length = 0;
    while (::archive_entry_sparse_next(entry_, &offset, &length) == ARCHIVE_OK) {
      expected += static_cast<std::uint64_t>(length);
    }
  }
  const std::string path = text_or_empty(::archive_entry_pathname(entry_));
  std::uint64_t copied = 0;
  while (true) {
    const void* data = nullptr;
    std::size_t length = 0;
    la_int64_t offset = 0;
    const int got = ::archive_read_data_block(archive_, &data, &length, &offset);
    if (got == ARCHIVE_EOF) {
      break;
    }
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
      auto error =
          broken(fmt::format("{} is damaged in the content of {}", name_, printable(path)));
      return std::unexpected(
          std::move(error).error().with_hint("the archive is cut off or broken: get it again"));
    }
    if (offset < 0 || length > size || static_cast<std::uint64_t>(offset) > size - length) {
      return failure("{}: the content of {} goes beyond its size {}", name_, printable(path), size);
    }
    const auto written = write_at(to, static_cast<const char*>(data), length, offset);
    if (!written) {
      return std::unexpected(write_failure(written.error(), path));
    }
    copied += length;
  }
  if (copied != expected) {
    return failure("{}: {} has {} bytes of content, not the {} that it announces", name_,
                   printable(path), copied, expected);
  }
  if (::ftruncate(to, static_cast<off_t>(size)) != 0) {
    return std::unexpected(write_failure(Errno{errno}, path));
  }
  return {};
}

std::uint64_t TarReader::consumed() const {
  return input_->consumed;
}

}  // namespace nineroot::storage
