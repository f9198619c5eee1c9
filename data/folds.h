// Parts of a split for cross-validation.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace lockstep {

/// Which of `folds` parts each sequence belongs to: a pure function of the seed, the sequences'
/// numbers and their labels. Where the first target has one symbol for each sequence, the parts
/// differ by at most one sequence of each label, and by at most one in all.
std::vector<int64_t> folds_of(const Split& split, int64_t folds, uint64_t seed);

/// The numbers of the sequences in a fold, or of all the others, in rising order.
std::vector<int64_t> in_fold(const std::vector<int64_t>& folds, int64_t fold);
std::vector<int64_t> not_in_fold(const std::vector<int64_t>& folds, int64_t fold);

}  // namespace lockstep
