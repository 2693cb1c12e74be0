// The herald: a user id of a guest by which the agent in it tells the guest's own kernel what the
// host has changed.  To the 9P client of Linux each user is a Tattach of its own, so the server
// knows which requests are the herald's, and answers them without changing anything: what the
// herald "removes" or "makes" happens in the guest's caches alone, and wakes those who watch there.
// docs/coherence.md tells why; session/herald.h is the server's end, guest/herald.h the agent's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nineroot {

/// Far above what any system gives to users, and none of those that mean "nobody" or "unchanged".
inline constexpr std::uint32_t kHeraldUid = 0xfffffff5;

/// What the herald asks by getxattr(2), because that asks the server and changes nothing in
/// between. On any file: a server that knows heralds has a value here, and any other has not.
inline constexpr std::string_view kHeraldQuestion = "user.nineroot.herald";

/// On a file: did the guest itself change it last?  EEXIST for yes, ENODATA for no.
inline constexpr std::string_view kHeraldAsksWhose = "user.nineroot.whose";

/// On a file: how long is it on the host?  The answer is the value, in decimal digits.
inline constexpr std::string_view kHeraldAsksSize = "user.nineroot.size";

/// On a file, with "FROM.END.PATTERN" behind it, answered with ENODATA: the herald is about to
/// write void bytes between these offsets, END being no more than the size of the file on the host.
/// Void is a byte at offset O that is byte O % 16 of the pattern, which is random and said in 32
/// hexadecimal digits.  They are not written, whoever sends them: the client then has dropped its
/// pages there, and believes the file to reach to END.
inline constexpr std::string_view kHeraldWritesVoid = "user.nineroot.writes-void.";
inline constexpr std::size_t kVoidPatternSize = 16;

/// On a directory, with a name behind it, answered with ENODATA; each voids the one before.  EEXIST
/// if the guest itself has made or removed it.
/// The herald is about to make that name, so it shall not find it yet.
inline constexpr std::string_view kHeraldMakes = "user.nineroot.makes.";
/// The herald is about to remove that name, which is not there: it shall find a file, or a
/// directory.
inline constexpr std::string_view kHeraldRemoves = "user.nineroot.removes.";
inline constexpr std::string_view kHeraldRemovesDirectory = "user.nineroot.removes-directory.";

/// On a directory, with a name behind it, answered with ENODATA: the directory of that name, which
/// is not there any more, ...
inline constexpr std::string_view kHeraldMovesFrom = "user.nineroot.moves-from.";
/// ... is about to be moved here, to this name, by which it is there already: the herald shall find
/// it by the old name and not yet by this one.
inline constexpr std::string_view kHeraldMovesTo = "user.nineroot.moves-to.";

}  // namespace nineroot
