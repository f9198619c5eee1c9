#include "data/import/split_plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "data/base/error.h"
#include "data/mix.h"

namespace lockstep {
namespace {

using Parts = std::array<int64_t, 3>;

constexpr std::array<uint64_t, 3> kTrainFirst{0, 1, 2};

/// `count` in whole parts. What rounding down leaves goes to the largest remainders, equal ones in
/// the order of `priority`.
Parts divide_by_shares(int64_t count, const SplitShares& shares,
                       const std::array<uint64_t, 3>& priority) {
  Parts parts{};
  std::array<double, 3> remainders{};
  int64_t left = count;
  for (size_t i = 0; i < parts.size(); ++i) {
    const double quota = shares[i] * static_cast<double>(count);
    parts[i] = static_cast<int64_t>(quota);
    remainders[i] = shares[i] > 0 ? quota - static_cast<double>(parts[i]) : -1;
    left -= parts[i];
  }
  std::array<size_t, 3> order{0, 1, 2};
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return remainders[a] != remainders[b] ? remainders[a] > remainders[b]
                                          : priority[a] < priority[b];
  });
  for (size_t i = 0; left > 0; ++i, --left) ++parts[order[i % order.size()]];
  return parts;
}

/// Gives the first records of `order` to train, the next to validation, the last to test.
template <class Iterator>
void deal_out(Iterator begin, const Parts& parts, std::vector<uint8_t>& splits) {
  for (size_t split = 0; split < parts.size(); ++split) {
    for (int64_t i = 0; i < parts[split]; ++i) splits[*begin++] = static_cast<uint8_t>(split);
  }
}

/// The numbers of all records, sorted by `key_of` (a pair or number); equal ones stay in order.
template <class KeyOf>
std::vector<size_t> sorted_records(size_t count, KeyOf key_of) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return key_of(a) < key_of(b); });
  return order;
}

/// Calls `use(begin, end)` for each run of records with the same key.
template <class Use>
void for_each_run(const std::vector<size_t>& order, const std::vector<int64_t>& keys, Use use) {
  for (auto begin = order.begin(); begin != order.end();) {
    const auto end = std::find_if(begin, order.end(),
                                  [&](size_t record) { return keys[record] != keys[*begin]; });
    use(begin, end);
    begin = end;
  }
}

void split_by_label(const SplitRule& rule, const std::vector<int64_t>& keys,
                    std::vector<uint8_t>& splits) {
  const auto order = sorted_records(keys.size(), [&](size_t i) {
    return std::pair(keys[i], mix64(rule.seed, static_cast<uint64_t>(i)));
  });
  for_each_run(order, keys, [&](auto begin, auto end) {
    // With few records of many labels, equal remainders must not all favour the same split.
    const auto label = static_cast<uint64_t>(keys[*begin]);
    const std::array<uint64_t, 3> priority{mix64(rule.seed, label, 0), mix64(rule.seed, label, 1),
                                           mix64(rule.seed, label, 2)};
    deal_out(begin, divide_by_shares(end - begin, rule.shares, priority), splits);
  });
}

void split_by_time(const SplitRule& rule, const std::vector<int64_t>& keys,
                   std::vector<uint8_t>& splits) {
  const auto order = sorted_records(keys.size(), [&](size_t i) { return keys[i]; });
  const auto count = static_cast<int64_t>(order.size());
  deal_out(order.begin(), divide_by_shares(count, rule.shares, kTrainFirst), splits);
  for_each_run(order, keys, [&](auto begin, auto end) {
    for (auto record = begin; record != end; ++record) splits[*record] = splits[*begin];
  });
}

/// Deals groups out one by one.
class GroupDealer {
 public:
  GroupDealer(const SplitShares& shares, size_t records, size_t groups) : groups_left_(groups) {
    for (size_t i = 0; i < shares.size(); ++i) {
      lacking_[i] = shares[i] * static_cast<double>(records);
      empty_[i] = shares[i] > 0;
      wanted_[i] = shares[i] > 0;
    }
  }

  uint8_t next(int64_t records) {
    const auto num_empty = static_cast<size_t>(std::count(empty_.begin(), empty_.end(), true));
    const auto& candidates = groups_left_-- <= num_empty && num_empty > 0 ? empty_ : wanted_;
    size_t best = lacking_.size();
    for (size_t i = 0; i < lacking_.size(); ++i) {
      if (!candidates[i]) continue;
      if (best == lacking_.size() || lacking_[i] > lacking_[best]) best = i;
    }
    lacking_[best] -= static_cast<double>(records);
    empty_[best] = false;
    return static_cast<uint8_t>(best);
  }

 private:
  size_t groups_left_;
  std::array<double, 3> lacking_{};
  std::array<bool, 3> empty_{};
  std::array<bool, 3> wanted_{};
};

void split_by_group(const SplitRule& rule, const std::vector<int64_t>& keys,
                    std::vector<uint8_t>& splits) {
  std::map<std::pair<uint64_t, int64_t>, int64_t> sizes;  // in shuffled order
  const auto place = [&](int64_t key) {
    return std::pair(mix64(rule.seed, static_cast<uint64_t>(key)), key);
  };
  for (const int64_t key : keys) ++sizes[place(key)];
  GroupDealer dealer(rule.shares, keys.size(), sizes.size());
  for (auto& [group, size] : sizes) size = dealer.next(size);
  for (size_t i = 0; i < keys.size(); ++i) splits[i] = static_cast<uint8_t>(sizes[place(keys[i])]);
}

SplitBy split_by_of(const std::string& name) {
  static const std::map<std::string, SplitBy> names{{"position", SplitBy::position},
                                                    {"random", SplitBy::random},
                                                    {"label", SplitBy::label},
                                                    {"group", SplitBy::group},
                                                    {"time", SplitBy::time}};
  const auto found = names.find(name);
  if (found != names.end()) return found->second;
  throw Error(ExitCode::usage, fmt::format("--split-by: \"{}\" is no way to divide", name));
}

}  // namespace

SplitShares shares_of(const std::vector<double>& split) {
  double total = 0;
  for (const double share : split) total += share;
  const bool legal = split.size() == 3 && std::abs(total - 1) < 1e-9 &&
                     std::all_of(split.begin(), split.end(), [](double s) { return s >= 0; });
  if (!legal || split[0] <= 0) {
    throw Error(ExitCode::usage,
                "--split needs three shares of train, validation and test that add up to 1",
                "for example --split 0.8,0.1,0.1");
  }
  return {split[0] / total, split[1] / total, split[2] / total};
}

std::vector<uint8_t> plan_split(const SplitRule& rule, size_t count,
                                const std::vector<int64_t>& keys) {
  std::vector<uint8_t> splits(count);
  const bool needs_keys = rule.by != SplitBy::position && rule.by != SplitBy::random;
  LOCKSTEP_CHECK(!needs_keys || keys.size() == count, "{} keys for {} records", keys.size(), count);
  switch (rule.by) {
    case SplitBy::label:
      split_by_label(rule, keys, splits);
      break;
    case SplitBy::group:
      split_by_group(rule, keys, splits);
      break;
    case SplitBy::time:
      split_by_time(rule, keys, splits);
      break;
    case SplitBy::position:
    case SplitBy::random: {
      const bool shuffled = rule.by == SplitBy::random;
      const auto order =
          sorted_records(count, [&](size_t i) { return shuffled ? mix64(rule.seed, i) : 0; });
      const Parts parts = divide_by_shares(static_cast<int64_t>(count), rule.shares, kTrainFirst);
      deal_out(order.begin(), parts, splits);
    }
  }
  return splits;
}

void SplitOptions::describe(Fields& fields, const std::vector<std::string>& ways) {
  fields.add("split", split,
             "without a file for each split: which shares of the records become train, validation "
             "and test");
  fields
      .add("split_by", split_by,
           "how records are divided: from front to back, shuffled, in the same shares of every "
           "label, in whole groups, or the oldest first")
      .one_of(ways);
  fields.add("seed", seed, "another number shuffles the records in another way").at_least(0);
}

SplitRule SplitOptions::rule() const {
  return {shares_of(split), split_by_of(split_by), static_cast<uint64_t>(seed)};
}

void SplitFiles::describe(Fields& fields) {
  fields.add("train", train, "file of the split \"train\"");
  fields.add("validation", validation, "file of the split \"validation\"");
  fields.add("test", test, "file of the split \"test\"");
}

std::vector<SplitSource> find_sources(const std::vector<std::filesystem::path>& sources,
                                      const SplitFiles& files) {
  const std::array<const std::string*, 3> own{&files.train, &files.validation, &files.test};
  std::vector<SplitSource> found;
  for (size_t split = 0; split < own.size(); ++split) {
    if (!own[split]->empty()) found.push_back({*own[split], split});
  }
  if (!sources.empty() && !found.empty()) {
    throw Error(ExitCode::usage, "give either one SOURCE or --train, --validation and --test");
  }
  if (sources.empty() && files.train.empty()) {
    throw Error(ExitCode::usage, "nothing to import",
                "give --train FILE (and --validation, --test), or a SOURCE and --split");
  }
  for (const auto& source : sources) found.push_back({source, std::nullopt});
  return found;
}

std::vector<size_t> wanted_splits(const std::vector<SplitSource>& sources,
                                  const SplitShares& shares) {
  std::vector<size_t> wanted;
  for (size_t split = 0; split < shares.size(); ++split) {
    const bool named = std::any_of(sources.begin(), sources.end(), [&](const SplitSource& source) {
      return source.split ? *source.split == split : shares[split] > 0;
    });
    if (named) wanted.push_back(split);
  }
  return wanted;
}

std::string name_sources(const std::vector<SplitSource>& sources) {
  std::string names;
  for (const SplitSource& source : sources) {
    if (!names.empty()) names += ", ";
    if (source.split) names += fmt::format("{} from ", kSplitNames[*source.split]);
    names += source.file.filename().string();
  }
  return names;
}

}  // namespace lockstep
