#include "data/like_statistics.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lockstep {
namespace {

// A share of few events is pulled to what is expected as if so many more had been seen.
constexpr double kPriorEvents = 5;
constexpr double kPriorCategoryEvents = 3;
constexpr double kShareOfNothing = 0.5;

double log_odds(double share) {
  const double within = std::clamp(share, 1e-3, 1 - 1e-3);
  return std::log(within / (1 - within));
}

double smoothed(double sum, double events, double expected, double prior) {
  return (sum + prior * expected) / (events + prior);
}

}  // namespace

LikeStatistics::LikeStatistics(std::vector<std::vector<int64_t>> categories)
    : categories_(std::move(categories)), items_(categories_.size()) {}

LikeStatistics::LikeStatistics(const LikesInfo& info)
    : categories_(info.item_categories), items_(info.item_sums), all_(info.all) {}

const std::vector<std::string>& LikeStatistics::names() {
  static const std::vector<std::string> all = {
      "user_events",      "user_liked",      "user_leaning",   "item_events",
      "item_liked",       "item_leaning",    "category_liked", "category_leaning",
      "category_highest", "category_lowest", "since_last",     "since_first"};
  return all;
}

double LikeStatistics::share_of_all() const {
  return smoothed(all_.liked, all_.events, kShareOfNothing, kPriorEvents);
}

double LikeStatistics::item_share(int64_t item) const {
  const LikeSums& sums = items_[static_cast<size_t>(item)];
  return smoothed(sums.liked, sums.events, share_of_all(), kPriorEvents);
}

double LikeStatistics::user_share(const LikeUser& user) const {
  return smoothed(user.all.liked, user.all.events, share_of_all(), kPriorEvents);
}

std::vector<double> LikeStatistics::features(const LikeUser& user, int64_t item,
                                             double seconds) const {
  const LikeSums& sums = items_[static_cast<size_t>(item)];
  const double share = user_share(user);
  double liked = 0, leaning = 0, highest = 0, lowest = 0, count = 0;
  for (const int64_t category : categories_[static_cast<size_t>(item)]) {
    const auto found = user.categories.find(category);
    const LikeSums known = found == user.categories.end() ? LikeSums{} : found->second;
    const double leans = smoothed(known.leaning, known.events, 0, kPriorCategoryEvents);
    highest = count == 0 ? leans : std::max(highest, leans);
    lowest = count == 0 ? leans : std::min(lowest, leans);
    liked += smoothed(known.liked, known.events, share, kPriorCategoryEvents);
    leaning += leans;
    count += 1;
  }
  const bool is_new = user.all.events == 0;
  const auto since = [&](double then) {
    return is_new ? 0 : std::log1p(std::max(0.0, seconds - then));
  };
  return {std::log1p(user.all.events),
          log_odds(share),
          smoothed(user.all.leaning, user.all.events, 0, kPriorEvents),
          std::log1p(sums.events),
          log_odds(item_share(item)),
          smoothed(sums.leaning, sums.events, 0, kPriorEvents),
          count > 0 ? liked / count : share,
          count > 0 ? leaning / count : 0,
          highest,
          lowest,
          since(user.last),
          since(user.first)};
}

void LikeStatistics::add(LikeUser& user, int64_t item, double seconds, bool liked) {
  const double share = user_share(user);
  add_to_user(user, item, seconds, liked);
  LikeSums& sums = items_[static_cast<size_t>(item)];
  const double value = liked ? 1 : 0;
  sums.events += 1;
  sums.liked += value;
  sums.leaning += value - share;
  all_.events += 1;
  all_.liked += value;
}

void LikeStatistics::add_to_user(LikeUser& user, int64_t item, double seconds, bool liked) const {
  const double value = liked ? 1 : 0;
  const double surprise = value - item_share(item);
  const double usual = smoothed(user.all.leaning, user.all.events, 0, kPriorEvents);
  if (user.all.events == 0) user.first = seconds;
  user.last = seconds;
  user.all.events += 1;
  user.all.liked += value;
  user.all.leaning += surprise;
  for (const int64_t category : categories_[static_cast<size_t>(item)]) {
    LikeSums& sums = user.categories[category];
    sums.events += 1;
    sums.liked += value;
    sums.leaning += surprise - usual;
  }
}

}  // namespace lockstep
