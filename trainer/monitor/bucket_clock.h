// Sorts dated texts into buckets of time: out of order within bounds, with holes, with wrong dates.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "trainer/monitor/surge_config.h"
#include "trainer/monitor/tally.h"

namespace lockstep {

/// Time is what the texts say, never the clock on the wall: the same texts give the same buckets,
/// however fast they come. Texts whose disorder is within `lateness_minutes` give the same buckets
/// as in order.
class BucketClock {
 public:
  enum class Place {
    counted,
    late,  ///< its bucket has been handed out
    ahead  ///< so far ahead of all others that its date may be wrong
  };

  explicit BucketClock(const SurgeConfig& config) : config_(config) {}

  Place add(int64_t time, const TopicCounts& text);
  /// The buckets that are complete and were not handed out before, the empty ones between them too.
  std::vector<TimeBucket> take_complete();
  /// Those that are not, when nothing more comes.
  std::vector<TimeBucket> take_rest();

  nlohmann::json state() const;
  /// Throws nlohmann::json::exception when that is no state.
  void restore(const nlohmann::json& state);

 private:
  std::vector<TimeBucket> take_before(int64_t end);
  int64_t number_of(int64_t time) const;

  SurgeConfig config_;
  std::optional<int64_t> newest_;     ///< time of the newest text
  int64_t leaps_ = 0;                 ///< texts in a row that were far ahead
  std::optional<int64_t> last_;       ///< number of the last bucket handed out
  int64_t skipped_ = 0;               ///< buckets that were no time so far
  std::map<int64_t, Tally> waiting_;  ///< by number: milliseconds over the bucket's length
};

}  // namespace lockstep
