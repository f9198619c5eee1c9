// Predicts the next item of a session (a click, a purchase, a song) from those before it.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

/// Embedding, LSTM layers, scores of all items; cross-entropy over all items or over a sample of
/// them. Metrics: recall, mean reciprocal rank and NDCG of the first places of the ranking, beside
/// those of two floors: the most popular items, and those that most often followed the last one.
TaskEntry next_item_entry();

}  // namespace lockstep
