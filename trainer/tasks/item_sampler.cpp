#include "trainer/tasks/item_sampler.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "data/convert.h"
#include "data/mix.h"

namespace lockstep {
namespace {

size_t index_of_stream(const Split& split, const std::string& name) {
  for (size_t i = 0; i < split.streams().size(); ++i) {
    if (split.streams()[i].name == name) return i;
  }
  throw Error(ExitCode::config, fmt::format("the data set has no target stream \"{}\"", name));
}

/// How often each symbol occurs in a stream.
std::vector<int64_t> count_symbols(const Split& split, size_t stream) {
  const StreamSchema& schema = split.streams()[stream];
  std::vector<int64_t> counts(static_cast<size_t>(schema.num_classes)), symbols;
  std::vector<char> stored;
  for (int64_t id = 0; id < split.size(); ++id) {
    const int64_t length = split.length(id, stream);
    symbols.resize(static_cast<size_t>(length));
    stored.resize(static_cast<size_t>(length) * size_of(schema.element));
    split.read(id, stream, stored.data());
    widen_symbols(schema.element, stored.data(), length, symbols.data(), 1);
    for (const int64_t symbol : symbols) ++counts.at(static_cast<size_t>(symbol));
  }
  return counts;
}

}  // namespace

ItemSampler::ItemSampler(const Split& train, const std::string& target, double power) {
  const std::vector<int64_t> counts = count_symbols(train, index_of_stream(train, target));
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
