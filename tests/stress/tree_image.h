// A whole tree as text, one line per name: to be compared with another tree's.
#pragma once

#include <map>
#include <string>

namespace nineroot::stress {

/// Path below the root to what is there: type, mode, owner, links, size, time if set, xattrs, the
/// target or a hash of the content, and the type that the directory's listing told.
using TreeImage = std::map<std::string, std::string>;

TreeImage image_of(int root);

/// The first few lines in which they differ; empty if they do not.
std::string differences(const TreeImage& tested, const TreeImage& model);

}  // namespace nineroot::stress
