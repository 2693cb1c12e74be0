// Two small mapped trees, for the tests of this directory.
#pragma once

#include <fcntl.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/difference/renames.h"
#include "storage/difference/tree_difference.h"
#include "storage/guest_tree.h"
#include "storage/scratch_directory.h"

namespace nineroot::storage {

class TwoTrees : public testing::Test {
 protected:
  TwoTrees() {
    std::filesystem::create_directory(host_a());
    std::filesystem::create_directory(host_b());
  }

  [[nodiscard]] std::filesystem::path host_a() const { return scratch_.path() / "a"; }

  [[nodiscard]] std::filesystem::path host_b() const { return scratch_.path() / "b"; }

  [[nodiscard]] static GuestTree tree(const std::filesystem::path& host, Layout layout) {
    return std::move(GuestTree::open(host, layout).value());
  }

  [[nodiscard]] GuestTree a() const { return tree(host_a(), layout_); }

  [[nodiscard]] GuestTree b() const { return tree(host_b(), layout_); }

  /// The same times wherever both trees have a path, as after a copy that keeps them.
  void align_times() const {
    const std::string command = "cd '" + host_a().string() +
                                "' && find . -depth -exec touch -hd @1000 {} + ; cd '" +
                                host_b().string() + "' && find . -depth -exec touch -hd @1000 {} +";
    ASSERT_EQ(std::system(command.c_str()), 0);
  }

  /// "modified /etc/passwd: size mtime", sorted as they came.
  [[nodiscard]] std::vector<std::string> differences(bool finds_renames = false) const {
    const UniqueFd root_a(::open(host_a().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd root_b(::open(host_b().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const ComparedTree one{
        .root = root_a.get(), .layout = layout_, .name = "a", .start = start_a_, .is_copy = true};
    const ComparedTree other{
        .root = root_b.get(), .layout = layout_, .name = "b", .start = start_b_};
    std::vector<std::string> lines;
    const DifferenceSink print = [&lines](const Difference& found) -> Outcome<void> {
      lines.push_back(line_of(found));
      return {};
    };
    RenameFinder renames(one, other, options_);
    const DifferenceSink keep = [&renames](Difference found) -> Outcome<void> {
      renames.take(std::move(found));
      return {};
    };
    auto compared = compare_trees(one, other, options_, finds_renames ? keep : print);
    if (compared && finds_renames) {
      compared = renames.pass_on(print);
    }
    if (!compared) {
      lines.push_back(compared.error().text());
    }
    return lines;
  }

  static std::string line_of(const Difference& found) {
    std::string line = std::string(name_of(found.change)) + " " + found.path;
    line += found.from.empty() ? "" : " from " + found.from;
    for (const Field field : found.fields) {
      line += " " + std::string(name_of(field));
    }
    return line;
  }

  static void put(const std::filesystem::path& path, const std::string& content) {
    std::ofstream(path) << content;
  }

  ScratchDirectory scratch_;
  Layout layout_ = Layout::mapped_xattr;
  std::string start_a_ = "/";
  std::string start_b_ = "/";
  CompareOptions options_;
};

}  // namespace nineroot::storage
