// T time, B batch, F features.
#include "trainer/model/stripe_masks.h"

#include <algorithm>

#include "data/mix.h"

namespace lockstep {

using torch::Tensor;

namespace {

Random random_of(const DropoutKey& key, int site, int64_t sample) {
  return Random(mix64(static_cast<uint64_t>(key.seed), static_cast<uint64_t>(key.step),
                      static_cast<uint64_t>(site), static_cast<uint64_t>(sample)));
}

/// Zeroes stripes of a row of `length` ones.
void cut_stripes(Random& random, int64_t stripes, int64_t widest, int64_t length, float* row) {
  for (int64_t i = 0; i < stripes; ++i) {
    const auto width = static_cast<int64_t>(random.below(static_cast<uint64_t>(widest) + 1));
    const auto begin =
        static_cast<int64_t>(random.below(static_cast<uint64_t>(length - width) + 1));
    std::fill_n(row + begin, width, 0.0F);
  }
}

}  // namespace

Tensor mask_stripes(const Tensor& x_TBF, const Lengths& lengths, const ModelConfig& config,
                    const DropoutKey& key, int site) {
  const bool any = config.masks > 0 && (config.mask_steps > 0 || config.mask_features > 0);
  if (!key.training || !any) return x_TBF;
  const int64_t time = x_TBF.size(0), batch = x_TBF.size(1), features = x_TBF.size(2);
  Tensor steps_BT = torch::ones({batch, time}), features_BF = torch::ones({batch, features});
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t length = lengths[static_cast<size_t>(b)];
    Random random = random_of(key, site, (*key.sample_ids)[static_cast<size_t>(b)]);
    cut_stripes(random, config.masks, std::min(config.mask_steps, length / 4), length,
                steps_BT.data_ptr<float>() + b * time);
    cut_stripes(random, config.masks, std::min(config.mask_features, features), features,
                features_BF.data_ptr<float>() + b * features);
  }
  const Tensor masked = x_TBF * steps_BT.t().unsqueeze(2).to(x_TBF.device());
  return masked * features_BF.unsqueeze(0).to(x_TBF.device());
}

Tensor coin_of_samples(const DropoutKey& key, int site) {
  const auto batch = static_cast<int64_t>(key.sample_ids->size());
  Tensor coins_B = torch::empty({batch}, torch::kBool);
  for (int64_t b = 0; b < batch; ++b) {
    Random random = random_of(key, site, (*key.sample_ids)[static_cast<size_t>(b)]);
    coins_B[b] = random.below(2) == 0;
  }
  return coins_B;
}

}  // namespace lockstep
