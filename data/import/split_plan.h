// Which record becomes part of which split: the options, a file for each split, and the plan.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/base/fields.h"

namespace lockstep {

/// Splits are numbered in this order.
inline constexpr std::array<const char*, 3> kSplitNames{"train", "validation", "test"};

/// Shares of train, validation and test that add up to 1; that of train is not zero.
using SplitShares = std::array<double, 3>;

/// Throws Error(usage) unless `--split` holds three such shares.
SplitShares shares_of(const std::vector<double>& split);

/// By what records are divided.
enum class SplitBy {
  position,  ///< from front to back
  random,    ///< shuffled by the seed
  label,     ///< the records of every label in these shares, shuffled by the seed
  group,     ///< whole groups, so that no speaker, user or session is in two splits
  time,      ///< the oldest first; records of the same time stay together
};

struct SplitRule {
  SplitShares shares{};
  SplitBy by = SplitBy::random;
  uint64_t seed = 1;
};

/// The split of each of `count` records, the same every time. `keys` are numbers of labels or
/// groups, or times (any numbers that grow with time); position and random need none.
///
/// Parts are rounded by the method of largest remainders: each is at most one record away from its
/// share (of every label, by label). Groups go to the split that lacks most records, in an order
/// shuffled by the seed, and every split gets one as long as there are enough.
std::vector<uint8_t> plan_split(const SplitRule& rule, size_t count,
                                const std::vector<int64_t>& keys);

/// `--split`, `--split-by` and `--seed`. An importer may set other defaults before describe().
struct SplitOptions {
  std::vector<double> split{0.8, 0.1, 0.1};
  std::string split_by = "random";
  int64_t seed = 1;

  /// `ways` are the names of SplitBy that the importer has keys for.
  void describe(Fields& fields, const std::vector<std::string>& ways);
  /// Throws Error(usage) when the shares are none.
  SplitRule rule() const;
};

/// `--train`, `--validation` and `--test`: a file of its own for each split.
struct SplitFiles {
  std::string train, validation, test;

  void describe(Fields& fields);
};

/// A file, and the split that all of it belongs to; without one its records are divided.
struct SplitSource {
  std::filesystem::path file;
  std::optional<size_t> split;
};

/// The files of an importer in the order they are read: either `sources` (the positional arguments)
/// or those of `files`. Throws Error(usage) when both or neither are given.
std::vector<SplitSource> find_sources(const std::vector<std::filesystem::path>& sources,
                                      const SplitFiles& files);

/// The splits that these files make: those they name, else those whose share is not zero.
std::vector<size_t> wanted_splits(const std::vector<SplitSource>& sources,
                                  const SplitShares& shares);

/// "train from a.txt, test from b.txt" or "a.txt, b.txt": what the manifest says of the source.
std::string name_sources(const std::vector<SplitSource>& sources);

/// Numbers names in the order they come: keys of labels and groups.
class NameNumbers {
 public:
  int64_t of(const std::string& name) {
    return numbers_.emplace(name, static_cast<int64_t>(numbers_.size())).first->second;
  }

 private:
  std::unordered_map<std::string, int64_t> numbers_;
};

}  // namespace lockstep
