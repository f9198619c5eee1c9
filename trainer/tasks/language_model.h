// Predicts each token of a text from those before it.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

/// Embedding, LSTM layers whose state is carried from batch to batch, linear layer over the
/// vocabulary; cross-entropy of the next token. Metrics: loss in nats per token; perplexity over
/// words, bits per character over characters.
TaskEntry language_model_entry();

}  // namespace lockstep
