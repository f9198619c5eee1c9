#include "data/folds.h"

#include <map>

#include "data/base/error.h"
#include "data/mix.h"
#include "data/sample_order.h"

namespace lockstep {
namespace {

bool has_one_label_each(const Split& split) {
  if (split.streams().size() < 2 || !split.streams()[1].is_symbols()) return false;
  for (int64_t id = 0; id < split.size(); ++id) {
    if (split.length(id, 1) != 1) return false;
  }
  return true;
}

/// The sequences of each label; of one label for all where there is none.
std::map<int64_t, std::vector<int64_t>> ids_by_label(const Split& split) {
  std::map<int64_t, std::vector<int64_t>> ids;
  const bool labelled = has_one_label_each(split);
  for (int64_t id = 0; id < split.size(); ++id) {
    ids[labelled ? split.symbols(id, 1).front() : 0].push_back(id);
  }
  return ids;
}

template <class Wanted>
std::vector<int64_t> ids_where(const std::vector<int64_t>& folds, Wanted wanted) {
  std::vector<int64_t> ids;
  for (size_t id = 0; id < folds.size(); ++id) {
    if (wanted(folds[id])) ids.push_back(static_cast<int64_t>(id));
  }
  return ids;
}

}  // namespace

std::vector<int64_t> folds_of(const Split& split, int64_t folds, uint64_t seed) {
  if (split.size() < folds) {
    throw Error(ExitCode::config,
                fmt::format("data.folds: {} sequences cannot make {} folds", split.size(), folds));
  }
  std::vector<int64_t> fold_of(static_cast<size_t>(split.size()));
  int64_t next = 0;  // goes on from label to label, which keeps the folds alike in size
  for (const auto& [label, ids] : ids_by_label(split)) {
    const Permutation order(ids.size(), mix64(seed, static_cast<uint64_t>(label)));
    for (size_t i = 0; i < ids.size(); ++i) {
      fold_of[static_cast<size_t>(ids[order(i)])] = next++ % folds;
    }
  }
  return fold_of;
}

std::vector<int64_t> in_fold(const std::vector<int64_t>& folds, int64_t fold) {
  return ids_where(folds, [&](int64_t other) { return other == fold; });
}

std::vector<int64_t> not_in_fold(const std::vector<int64_t>& folds, int64_t fold) {
  return ids_where(folds, [&](int64_t other) { return other != fold; });
}

}  // namespace lockstep
