#include "vm/module_index.h"

#include <algorithm>

namespace nineroot::vm {
namespace {

std::string_view take_until(std::string_view& rest, char stop) {
  const std::size_t end = rest.find(stop);
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    if (const std::string_view word = take_until(text, ' '); !word.empty()) {
      words.push_back(word);
    }
  }
  return words;
}

}  // namespace

std::string module_name(std::string_view file) {
  const std::size_t slash = file.rfind('/');
  std::string_view base = slash == std::string_view::npos ? file : file.substr(slash + 1);
  std::string name(base.substr(0, base.find(".ko")));
  std::ranges::replace(name, '-', '_');
  return name;
}

ModuleIndex::ModuleIndex(std::string_view modules_dep, std::string_view modules_builtin,
                         std::string_view modules_softdep) {
  while (!modules_dep.empty()) {
    std::string_view line = take_until(modules_dep, '\n');
    const std::string_view file = take_until(line, ':');
    if (file.empty()) {
      continue;
    }
    Module module{.file = std::string(file), .before = {}};
    // depmod writes what must be loaded first last.
    for (const std::string_view needed : words_of(line)) {
      module.before.push_back(module_name(needed));
    }
    std::ranges::reverse(module.before);
    modules_.insert_or_assign(module_name(file), std::move(module));
  }
  while (!modules_builtin.empty()) {
    if (const std::string_view file = take_until(modules_builtin, '\n'); !file.empty()) {
      builtin_.insert(module_name(file));
    }
  }
  while (!modules_softdep.empty()) {
    const std::vector<std::string_view> words = words_of(take_until(modules_softdep, '\n'));
    if (words.size() < 2 || words[0] != "softdep") {
      continue;
    }
    const auto found = modules_.find(module_name(words[1]));
    const auto pre = std::ranges::find(words, "pre:");
    const auto end = std::find(pre, words.end(), "post:");
    if (found != modules_.end()) {
      for (auto word = pre; word != end; ++word) {
        found->second.before.push_back(module_name(*word));
      }
    }
  }
}

bool ModuleIndex::has(std::string_view name) const {
  return modules_.contains(name) || builtin_.contains(name);
}

bool ModuleIndex::has_all(std::span<const std::string_view> names) const {
  return std::ranges::all_of(names, [this](std::string_view name) { return has(name); });
}

std::vector<std::string> ModuleIndex::load_order(std::span<const std::string_view> names) const {
  std::vector<std::string> order;
  std::set<std::string_view> seen;
  // A walk with a stack of its own: a guest's text decides how deep it goes.  A module is put out
  // when it comes up the second time, after all that it pushed.
  std::vector<std::pair<std::string_view, bool>> stack;
  for (const std::string_view& name : names) {
    stack.emplace_back(name, false);
    while (!stack.empty()) {
      const auto [current, is_ready] = stack.back();
      stack.pop_back();
      const auto found = modules_.find(current);
      if (found == modules_.end()) {
        continue;
      }
      if (is_ready) {
        order.push_back(found->second.file);
        continue;
      }
      if (!seen.insert(found->first).second) {
        continue;
      }
      stack.emplace_back(found->first, true);
      for (auto before = found->second.before.rbegin(); before != found->second.before.rend();
           ++before) {
        stack.emplace_back(*before, false);
      }
    }
  }
  return order;
}

}  // namespace nineroot::vm
