#include "trainer/tasks/item_sampler.h"

#include <algorithm>
#include <cmath>

#include "data/mix.h"
#include "trainer/tasks/symbol_counts.h"

namespace lockstep {

ItemSampler::ItemSampler(const Split& train, const std::string& target, double power,
                         int64_t items) {
  std::vector<int64_t> counts = count_symbols(train, target);
  counts.resize(static_cast<size_t>(items));
  double sum = 0;
  for (size_t item = 0; item < counts.size(); ++item) {
    if (item > 0) sum += std::pow(static_cast<double>(std::max<int64_t>(1, counts[item])), power);
    sums_.push_back(sum);
  }
}

SampledItems ItemSampler::draw(int64_t count, int64_t seed, int64_t step,
                               torch::Device device) const {
  constexpr uint64_t kPurpose = 0x6e65676174697665;  // apart from other draws of this seed and step
  Random random(mix64(static_cast<uint64_t>(seed), kPurpose, static_cast<uint64_t>(step)));
  const torch::Tensor numbers = torch::empty({count}, torch::kInt64);
  const torch::Tensor correction = torch::empty({count});
  for (int64_t i = 0; i < count; ++i) {
    const double point = random.uniform() * sums_.back();
    const auto found = std::upper_bound(sums_.begin() + 1, sums_.end() - 1, point);
    const double weight = *found - *(found - 1);
    numbers.data_ptr<int64_t>()[i] = found - sums_.begin();
    correction.data_ptr<float>()[i] =
        static_cast<float>(-std::log(static_cast<double>(count) * weight / sums_.back()));
  }
  return {numbers.to(device), correction.to(device)};
}

}  // namespace lockstep
