// Questions of a split, one at a time, outside of batches.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "trainer/device_batch.h"
#include "trainer/tasks/text_vectors.h"

namespace lockstep {

/// The symbols of each candidate of a question. Throws Error(corrupt) when the stream "lengths"
/// does not fit "answers".
std::vector<TextSymbolNumbers> candidates_of(const Split& split, int64_t question);

/// A batch of one question.
DeviceBatch batch_of_question(const Split& split, int64_t question);

}  // namespace lockstep
