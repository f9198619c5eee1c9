// What a model thinks of a text.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace lockstep {

struct Opinion {
  std::vector<std::string> topics;  ///< any number of them
  std::string sentiment;
  double probability = 0;  ///< of the sentiment
  bool negative = false;
  std::string error;  ///< why the text could not be read; empty when it could
};

/// One opinion for each text, in order.
using ReadOpinions = std::function<std::vector<Opinion>(const std::vector<std::string>&)>;

}  // namespace lockstep
