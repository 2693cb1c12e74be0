#include "tests/support/mounts.h"

#include <stdlib.h>
#include <sys/mount.h>

#include <utility>

namespace nineroot::test {

bool run_quietly(const std::string& command) {
  const std::string quiet = "PATH=$PATH:/usr/sbin:/sbin; { " + command + "; } >/dev/null 2>&1";
  return ::system(quiet.c_str()) == 0;
}

Mount::Mount(const std::filesystem::path& at) : path_(at) {
  std::filesystem::create_directories(at);
}

Mount::Mount(Mount&& other) noexcept
    : path_(std::move(other.path_)),
      own_images_(std::move(other.own_images_)),
      image_(std::move(other.image_)),
      is_mounted_(std::exchange(other.is_mounted_, false)) {
}

Mount Mount::tmpfs(const std::filesystem::path& at, const std::string& options) {
  Mount made(at);
  made.is_mounted_ = ::mount("nineroot-test", at.c_str(), "tmpfs", 0, options.c_str()) == 0;
  return made;
}

Mount Mount::bind(const std::filesystem::path& from, const std::filesystem::path& at) {
  Mount made(at);
  made.is_mounted_ = ::mount(from.c_str(), at.c_str(), nullptr, MS_BIND, nullptr) == 0;
  return made;
}

Mount Mount::image(const std::filesystem::path& at, const std::string& type, unsigned mebibytes,
                   const std::string& mkfs_options, const std::filesystem::path& images) {
  Mount made(at);
  if (images.empty()) {
    made.own_images_ = std::make_unique<TempDir>();
  }
  made.image_ = ((images.empty() ? made.own_images_->path() : images) / "image").string();
  const bool is_made = run_quietly("truncate -s " + std::to_string(mebibytes) + "M " + made.image_ +
                                   " && mkfs." + type + " " + mkfs_options + " " + made.image_);
  if (is_made) {
    made.mount_again();
  }
  return made;
}

void Mount::mount_again() {
  is_mounted_ = run_quietly("mount -o loop " + image_ + " " + path_.string());
}

void Mount::unmount() {
  if (std::exchange(is_mounted_, false)) {
    ::umount2(path_.c_str(), MNT_DETACH);
  }
}

Mount::~Mount() {
  unmount();
}

}  // namespace nineroot::test
