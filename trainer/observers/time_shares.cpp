#include "trainer/observers/time_shares.h"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep {

std::vector<TimeShare> time_shares(const RunResult& result) {
  const TimeSplit& time = result.time;
  const double wall = std::max(result.seconds, time.total());
  const double unmeasured = wall - time.total();
  std::vector<TimeShare> shares = {{"compute", "computing", time.compute},
                                   {"communication", "exchanging gradients", time.communication},
                                   {"data", "waiting for data", time.data},
                                   {"checkpoint", "saving checkpoints", time.checkpoint},
                                   {"evaluation", "evaluating", time.evaluation},
                                   {"other", "everything else", time.other + unmeasured}};
  for (TimeShare& share : shares) share.fraction = wall > 0 ? share.fraction / wall : 0;
  return shares;
}

std::vector<std::string> advice_on(const RunResult& result) {
  struct Rule {
    const char* key;
    double limit;
    const char* advice;
  };
  static constexpr Rule kRules[] = {
      {"data", 0.05, "raise data.prefetch, or keep the data set on a faster disk"},
      {"communication", 0.30, "raise batch.size, or use fewer ranks"},
      {"checkpoint", 0.05, "raise checkpoint.every"},
      {"evaluation", 0.30, "raise evaluate.every or evaluate.batch_size"}};
  std::vector<std::string> advice;
  const auto add = [&](const std::string& what, double share, const char* remedy) {
    advice.push_back(fmt::format("{} took {:.0f} % of the time: {}", what, 100 * share, remedy));
  };
  const std::vector<TimeShare> shares = time_shares(result);
  for (const Rule& rule : kRules) {
    const auto share = std::find_if(shares.begin(), shares.end(),
                                    [&](const TimeShare& one) { return one.key == rule.key; });
    if (share->fraction > rule.limit) add(share->label, share->fraction, rule.advice);
  }
  if (result.imbalance_fraction > 0.10) {
    add("waiting for the slowest rank", result.imbalance_fraction,
        "see that ranks do not share cores or a GPU with other work");
  }
  if (result.padding_fraction > 0.30) {
    advice.push_back(
        fmt::format("{:.0f} % of what was computed is padding: sequences of very different length "
                    "share batches",
                    100 * result.padding_fraction));
  }
  return advice;
}

}  // namespace lockstep
