#include "trainer/tasks/item_sampler.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "data/mix.h"

namespace lockstep {
namespace {

size_t index_of_stream(const Split& split, const std::string& name) {
  for (size_t i = 0; i < split.streams().size(); ++i) {
    if (split.streams()[i].name == name) return i;
  }
  throw Error(ExitCode::config, fmt::format("the data set has no target stream \"{}\"", name));
}

/// How often each symbol occurs in a stream of 32-bit integers.
std::vector<int64_t> count_symbols(const Split& split, size_t stream) {
  const StreamSchema& schema = split.streams()[stream];
  if (schema.element != ElementType::i32) {
    throw Error(
        ExitCode::config,
        fmt::format("stream \"{}\" holds {}, not i32", schema.name, name_of(schema.element)),
        "`lockstep data import events` writes such data");
  }
  std::vector<int64_t> counts(static_cast<size_t>(schema.num_classes));
  std::vector<int32_t> symbols;
  for (int64_t id = 0; id < split.size(); ++id) {
    symbols.resize(static_cast<size_t>(split.length(id, stream)));
    split.read(id, stream, symbols.data());
    for (const int32_t symbol : symbols) ++counts.at(static_cast<size_t>(symbol));
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
