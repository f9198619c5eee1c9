// What a model thinks of a text.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace lockstep {

struct Opinion {
  std::vector<std::string> topics;                           ///< any number of them
  std::vector<std::pair<std::string, double>> topic_shares;  ///< probability of every topic
  std::string sentiment;
  double probability = 0;  ///< of the sentiment
  bool negative = false;
  double negative_share = 0;  ///< probability of the negative sentiments together
  std::string error;          ///< why the text could not be read; empty when it could
};

/// One opinion for each text, in order.
using ReadOpinions = std::function<std::vector<Opinion>(const std::vector<std::string>&)>;

}  // namespace lockstep
