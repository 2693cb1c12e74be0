// Every message of 9P2000.L that the Linux client sends or reads, as its list of fields in wire
// order. Decoding and encoding (codec.h) both come from fields(), so they cannot disagree. Source:
// Linux net/9p/client.c and protocol.c; docs/protocol.md has a row for each.
#pragma once

#include "wire/attr_messages.h"     // IWYU pragma: export
#include "wire/file_messages.h"     // IWYU pragma: export
#include "wire/session_messages.h"  // IWYU pragma: export
#include "wire/tree_messages.h"     // IWYU pragma: export
