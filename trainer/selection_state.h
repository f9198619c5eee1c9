// What comparing evaluations has found so far, as checkpoints keep it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "trainer/observers/observer.h"

namespace lockstep {

struct SelectionState {
  int64_t seen = 0;        ///< evaluations
  int64_t since_best = 0;  ///< evaluations
  double rate_factor = 1;
  double plateau_best = 0;  ///< the value that the rate's next lowering is judged by
  int64_t since_plateau_best = 0;
  std::vector<EvaluationReport> best;  ///< all splits' figures of the best evaluation
};

nlohmann::json json_of(const SelectionState& state);
/// What is missing is as at the start. Throws nlohmann::json::exception for what does not fit.
SelectionState selection_state_from(const nlohmann::json& json);

/// JSON has no word for what is not finite.
nlohmann::json number_to_json(double value);
double number_from_json(const nlohmann::json& value);

}  // namespace lockstep
