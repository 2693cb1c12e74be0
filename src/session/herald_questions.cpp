// What the herald asks and announces by Txattrwalk.
#include <charconv>
#include <utility>

#include "session/herald.h"

namespace nineroot::session {

std::optional<Result<wire::Rxattrwalk>> Herald::answer(const wire::Txattrwalk& m) {
  const Fid* fid = find(m.fid);
  if (fid == nullptr) {
    return std::nullopt;
  }
  if (fid->used().stand_in != 0) {
    return fail(ENODATA);
  }
  if (m.name == kHeraldQuestion) {
    return value(m, *fid, "1");
  }
  if (std::optional<Result<wire::Rxattrwalk>> intent = take_intent(m, *fid)) {
    return intent;
  }
  return answer_of_file(m, *fid);
}

Result<wire::Rxattrwalk> Herald::value(const wire::Txattrwalk& m, const Fid& fid,
                                       std::string_view value) {
  Fid answer{.node = fid.node, .uid = fid.uid};
  const std::span<const std::byte> bytes = std::as_bytes(std::span(value));
  answer.in_use().xattr = XattrSnapshot{.value = {bytes.begin(), bytes.end()}, .charge = {}};
  TRY(fids_.put(m.newfid, std::move(answer)));
  return wire::Rxattrwalk{.size = value.size()};
}

std::optional<Result<wire::Rxattrwalk>> Herald::take_intent(const wire::Txattrwalk& m,
                                                            const Fid& fid) {
  if (m.name.starts_with(kHeraldMovesFrom)) {
    forget();
    old_dir_ = fid.node;
    old_name_ = m.name.substr(kHeraldMovesFrom.size());
    return fail(ENODATA);
  }
  if (m.name.starts_with(kHeraldMovesTo)) {
    if (!old_dir_) {
      return fail(EINVAL);
    }
    intent_ = Intent::moves;
    dir_ = fid.node;
    name_ = m.name.substr(kHeraldMovesTo.size());
    return fail(ENODATA);
  }
  for (const auto& [prefix, intent] :
       {std::pair(kHeraldMakes, Intent::makes), std::pair(kHeraldRemoves, Intent::removes_file),
        std::pair(kHeraldRemovesDirectory, Intent::removes_directory)}) {
    if (m.name.starts_with(prefix)) {
      const std::string_view name = m.name.substr(prefix.size());
      forget();
      if (is_own(intent, fid, name)) {
        return fail(EEXIST);
      }
      intent_ = intent;
      dir_ = fid.node;
      name_ = name;
      return fail(ENODATA);
    }
  }
  return std::nullopt;
}

std::optional<Result<wire::Rxattrwalk>> Herald::answer_of_file(const wire::Txattrwalk& m,
                                                               const Fid& fid) {
  if (m.name == kHeraldAsksWhose) {
    return fail(is_own(fid) ? EEXIST : ENODATA);
  }
  if (m.name == kHeraldAsksSize) {
    const Result<fs::Attr> attr = tree_.attr(fid.node);
    return attr ? value(m, fid, std::to_string(attr->size)) : std::unexpected(attr.error());
  }
  if (m.name.starts_with(kHeraldWritesVoid)) {
    const Result<void> announced =
        void_writes_.announce(fid.node, m.name.substr(kHeraldWritesVoid.size()));
    return fail(announced ? ENODATA : code(announced.error()));
  }
  return std::nullopt;
}

}  // namespace nineroot::session
