// Where a run's first weights come from besides chance: files of word vectors, and other runs.
#pragma once

#include <string>
#include <vector>

#include "trainer/checkpoint.h"
#include "trainer/replica.h"
#include "trainer/run_config.h"

namespace lockstep {

/// Makes parameters that a pattern fits stay as they are. Throws Error(config) when a pattern fits
/// none, or nothing is left to train.
void freeze_parameters(torch::nn::Module& model, const std::vector<std::string>& patterns);

/// Puts word vectors into the embedding (config.model.embedding_vectors). Gives back lines for
/// people. Throws Error: as read_word_vectors(); config, when the model reads no words.
std::vector<std::string> load_word_vectors(const RunConfig& config, Replica& replica);

/// Starts from the weights of another model, parameter by parameter of the same name: rows that
/// stand for symbols are found by their symbol, heads are taken if their classes are the same, all
/// else must have the same shape; what only one of both has stays fresh, or out. Gives back a table
/// for people. Throws Error(config) when a shape differs, or nothing at all could be taken.
std::vector<std::string> load_weights_of(const Checkpoint& source, const RunConfig& config,
                                         Replica& replica);

}  // namespace lockstep
