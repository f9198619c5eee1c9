// The epochs of a run as rows of text, for the terminal and the report.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "trainer/observers/observer.h"

namespace lockstep {

/// "epoch", "train loss", "train accuracy", "test loss", ..., "seconds", "samples/s": the union of
/// what the epochs measured, in the order of first appearance.
std::vector<std::string> epoch_columns(const std::vector<EpochReport>& epochs);

/// Those that fit into a line of `width` characters: the epoch and its time, and of each split as
/// many figures as there is room for, the first ones of all splits before their second ones.
std::vector<std::string> columns_that_fit(const std::vector<EpochReport>& epochs, size_t width);

/// The cells of one epoch under `columns`; "-" for what it did not measure.
std::vector<std::string> epoch_cells(const EpochReport& epoch,
                                     const std::vector<std::string>& columns);

}  // namespace lockstep
