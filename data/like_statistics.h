// What is known of a user and an item before the user says whether they like it: the same numbers
// at import and when candidates are ranked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/signal_info.h"

namespace lockstep {

/// Of one user, over their events so far.
struct LikeUser {
  LikeSums all;
  std::map<int64_t, LikeSums> categories;
  double first = 0, last = 0;  ///< seconds of the first and the last event
};

/// Events must be added in the order of time: then nothing in the features is of the future.
class LikeStatistics {
 public:
  /// Nothing has happened yet. `categories[item]` are those of each item.
  explicit LikeStatistics(std::vector<std::vector<int64_t>> categories);
  /// After all events of a data set.
  explicit LikeStatistics(const LikesInfo& info);

  /// The names of the features, in their order.
  static const std::vector<std::string>& names();
  /// Counts are log(1 + count), shares of likes log odds, smoothed by the share over all events;
  /// a *leaning* is the mean of liked (0 or 1) minus what the other side let expect: of a user,
  /// minus the item's share, of an item, minus the user's.
  std::vector<double> features(const LikeUser& user, int64_t item, double seconds) const;

  void add(LikeUser& user, int64_t item, double seconds, bool liked);
  /// Of an event that the items' sums already have.
  void add_to_user(LikeUser& user, int64_t item, double seconds, bool liked) const;

  const std::vector<LikeSums>& items() const { return items_; }
  const LikeSums& all() const { return all_; }

 private:
  double share_of_all() const;
  double item_share(int64_t item) const;
  double user_share(const LikeUser& user) const;

  std::vector<std::vector<int64_t>> categories_;
  std::vector<LikeSums> items_;
  LikeSums all_;
};

}  // namespace lockstep
