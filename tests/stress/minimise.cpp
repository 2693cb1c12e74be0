#include "tests/stress/minimise.h"

#include <algorithm>

namespace nineroot::stress {

std::vector<Operation> minimise(std::vector<Operation> operations,
                                const std::function<bool(const std::vector<Operation>&)>& fails,
                                const std::function<bool()>& has_time) {
  std::size_t piece = operations.size() / 2;
  while (piece > 0) {
    bool is_shorter = false;
    // From the end: what comes late most often does not matter to what is early.
    for (std::size_t end = operations.size(); end > 0 && has_time();) {
      const std::size_t begin = end > piece ? end - piece : 0;
      std::vector<Operation> rest(operations.begin(),
                                  operations.begin() + static_cast<std::ptrdiff_t>(begin));
      rest.insert(rest.end(), operations.begin() + static_cast<std::ptrdiff_t>(end),
                  operations.end());
      if (!rest.empty() && fails(rest)) {
        operations = std::move(rest);
        is_shorter = true;
      }
      end = std::min(begin, operations.size());
    }
    if (!has_time()) {
      break;
    }
    if (piece == 1) {
      if (!is_shorter) {
        break;
      }
    } else {
      piece = std::min(piece / 2, operations.size());
      piece = std::max<std::size_t>(piece, 1);
    }
  }
  return operations;
}

}  // namespace nineroot::stress
