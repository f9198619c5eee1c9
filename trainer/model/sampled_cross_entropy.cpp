// N rows, R rows at a time, E width, S samples.
#include "trainer/model/sampled_cross_entropy.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/model/ready_gradients.h"

namespace lockstep {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

/// Logits that stay in the caches while they are worked on.
constexpr int64_t kSampledLogitsAtOnce = int64_t{1} << 19;
/// Far below any logit: its exponential is nothing.
constexpr float kLeftOut = -1e4F;

/// Where each item stands in the sample.
class SamplePlaces {
 public:
  explicit SamplePlaces(const Tensor& numbers_S) {
    const int64_t* numbers = numbers_S.const_data_ptr<int64_t>();
    for (int64_t i = 0; i < numbers_S.numel(); ++i) places_.emplace_back(numbers[i], i);
    std::sort(places_.begin(), places_.end());
  }

  template <class Use>
  void for_each(int64_t number, Use use) const {
    auto place = std::lower_bound(places_.begin(), places_.end(), std::pair(number, int64_t{0}));
    for (; place != places_.end() && place->first == number; ++place) use(place->second);
  }

 private:
  std::vector<std::pair<int64_t, int64_t>> places_;
};

class SampledCrossEntropyFunction : public torch::autograd::Function<SampledCrossEntropyFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& hidden_NE, const Tensor& weight_SE,
                        const Tensor& target_logits_N, const Tensor& targets_N,
                        const Tensor& numbers_S, const Tensor& correction_S) {
    const int64_t rows = hidden_NE.size(0), samples = weight_SE.size(0);
    const Tensor d_hidden = torch::empty_like(hidden_NE);
    const Tensor d_target = torch::empty_like(target_logits_N);
    Tensor d_weight = torch::zeros_like(weight_SE);
    const SamplePlaces places(numbers_S);
    const int64_t* targets = targets_N.const_data_ptr<int64_t>();
    const int64_t at_once = std::min(rows, std::max<int64_t>(16, kSampledLogitsAtOnce / samples));
    // The last column is the target's.
    const Tensor memory = torch::empty({at_once, samples + 1}, hidden_NE.options());
    double loss = 0;
    for (int64_t begin = 0; begin < rows; begin += at_once) {
      const int64_t count = std::min(at_once, rows - begin);
      const Tensor hidden = hidden_NE.narrow(0, begin, count);
      const Tensor logits_RS1 = memory.narrow(0, 0, count);
      Tensor logits_RS = logits_RS1.narrow(1, 0, samples);
      at::addmm_out(logits_RS, correction_S, hidden, weight_SE.t());
      logits_RS1.select(1, samples).copy_(target_logits_N.narrow(0, begin, count));
      float* row = logits_RS1.data_ptr<float>();
      for (int64_t i = 0; i < count; ++i, row += samples + 1) {
        places.for_each(targets[begin + i], [&](int64_t place) { row[place] = kLeftOut; });
        loss += cpu_kernels().softmax.cross_entropy(row, samples + 1, samples, true);
      }
      Tensor d_part = d_hidden.narrow(0, begin, count);
      at::mm_out(d_part, logits_RS, weight_SE);
      d_weight.addmm_(logits_RS.t(), hidden);
      d_target.narrow(0, begin, count).copy_(logits_RS1.select(1, samples));
    }
    context->save_for_backward({d_hidden, d_weight, d_target});
    return torch::full({}, loss, hidden_NE.options());
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return ready_gradients(context, gradients, 3);
  }
};

}  // namespace

Tensor sampled_cross_entropy(const Tensor& hidden_NE, const Tensor& sample_weight_SE,
                             const Tensor& target_logits_N, const Tensor& targets_N,
                             const SampledItems& sample) {
  if (hidden_NE.is_cpu() && hidden_NE.size(0) > 0) {
    return SampledCrossEntropyFunction::apply(hidden_NE.contiguous(), sample_weight_SE.contiguous(),
                                              target_logits_N.contiguous(), targets_N.contiguous(),
                                              sample.numbers_S, sample.correction_S);
  }
  const Tensor own_NS = targets_N.unsqueeze(1).eq(sample.numbers_S.unsqueeze(0));
  const Tensor logits_NS = torch::addmm(sample.correction_S, hidden_NE, sample_weight_SE.t());
  const Tensor all =
      torch::cat({target_logits_N.unsqueeze(1), logits_NS.masked_fill(own_NS, kLeftOut)}, 1);
  return (all.logsumexp(1) - target_logits_N).sum();
}

}  // namespace lockstep
