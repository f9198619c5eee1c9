#include "trainer/monitor/tally_json.h"

namespace lockstep {

using nlohmann::json;

json json_of(const Tally& tally) {
  json topics = json::object();
  for (const auto& [topic, count] : tally.topics) {
    topics[topic] = {count.texts, count.negative, count.evidence};
  }
  return {{"texts", tally.texts}, {"topics", std::move(topics)}};
}

Tally tally_of(const json& value) {
  Tally tally;
  tally.texts = value.at("texts");
  for (const auto& [topic, count] : value.at("topics").items()) {
    tally.topics[topic] = {count.at(0), count.at(1), count.at(2)};
  }
  return tally;
}

}  // namespace lockstep
