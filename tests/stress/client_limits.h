// Where Linux's 9P client differs from a local file system whatever a server answers: what is left
// out of the comparison, and why.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/stress/operation.h"
#include "tests/stress/side.h"

namespace nineroot::stress {

enum class Cache { local, none, mmap, loose };

std::optional<Cache> cache_named(std::string_view name);

/// False if read(2) need not see at once what was stored through a mapping: cache=none has no
/// shared mappings, and with cache=mmap Linux 6.1 reads past its page cache.
bool has_coherent_mappings(Cache cache);

/// The operation as the client can carry it.
Operation within_client(Operation operation, Cache cache);

/// What is left of an answer when what the client does not know is taken out.
std::string comparable(std::string text, Cache cache);

/// True if the client has no fid any more for what is open in the model's slot.
bool is_lost_by_client(int slot, const Side& model);

/// True if the operation is not to be done on either side; decided by what the model holds.
bool is_beyond_client(const Operation& operation, const Side& model, Cache cache);

}  // namespace nineroot::stress
