// What a copy of a machine must not share with the original.
#pragma once

#include <string>
#include <vector>

#include "base/failure.h"
#include "storage/guest_tree.h"

namespace nineroot::vm {

/// The machine id is made anew at the first boot (machine-id(5)), so are the ssh server's host
/// keys, and the host is called `name`.  Random seeds go.  `notes` gets what could not be done.
Outcome<void> give_new_identity(const storage::GuestTree& tree, const std::string& name,
                                std::vector<std::string>& notes);

}  // namespace nineroot::vm
