// What a kernel's module tools know of its modules: modules.dep, modules.builtin and
// modules.softdep, as depmod(8) writes them.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nineroot::vm {

/// Module names are spelled with '_' here, as the kernel does, whatever the file is called.
/// The texts are a guest's: loops and nonsense in them are survived.
class ModuleIndex {
 public:
  ModuleIndex(std::string_view modules_dep, std::string_view modules_builtin,
              std::string_view modules_softdep);

  /// Loadable or built in.
  [[nodiscard]] bool has(std::string_view name) const;

  [[nodiscard]] bool has_all(std::span<const std::string_view> names) const;

  /// The files, relative to the directory of the modules, that loading all of `names` takes, each
  /// after those that it depends on.  Built-in and unknown modules are left out.
  [[nodiscard]] std::vector<std::string> load_order(std::span<const std::string_view> names) const;

 private:
  struct Module {
    std::string file;
    std::vector<std::string> before;  ///< Names to load first, in this order.
  };

  std::map<std::string, Module, std::less<>> modules_;
  std::set<std::string, std::less<>> builtin_;
};

/// "9pnet_virtio" for "kernel/net/9p/9pnet-virtio.ko.xz".
[[nodiscard]] std::string module_name(std::string_view file);

}  // namespace nineroot::vm
