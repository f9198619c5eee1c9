// N rows, H hidden, V classes.
#include "trainer/model/linear_cross_entropy.h"

#include <algorithm>

#include "data/batch.h"
#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/model/ready_gradients.h"

namespace lockstep {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

/// Logits that stay in the caches while they are worked on.
constexpr int64_t kLogitsAtOnce = int64_t{1} << 20;

int64_t rows_at_once(int64_t classes) {
  return std::max<int64_t>(16, kLogitsAtOnce / classes);
}

/// From gradients of cross-entropies to those with label smoothing.
void smooth_gradients(Tensor& gradients_RV, const int64_t* targets, double smoothing) {
  const int64_t classes = gradients_RV.size(1);
  gradients_RV.sub_(smoothing / static_cast<double>(classes));
  for (int64_t row = 0; row < gradients_RV.size(0); ++row) {
    float* gradient = gradients_RV.data_ptr<float>() + row * classes;
    if (targets[row] == kPaddingSymbol) {
      std::fill_n(gradient, classes, 0.0f);
    } else {
      gradient[targets[row]] += static_cast<float>(smoothing);
    }
  }
}

/// The losses of some rows; with `gradient` their logits become their gradient.
double losses_of_rows(Tensor& logits_RV, const int64_t* targets, double smoothing, bool gradient) {
  const int64_t classes = logits_RV.size(1);
  const Tensor mean_R = smoothing > 0 ? logits_RV.mean(1) : Tensor();
  double loss = 0;
  for (int64_t row = 0; row < logits_RV.size(0); ++row) {
    float* logits = logits_RV.data_ptr<float>() + row * classes;
    const int64_t target = targets[row];
    TORCH_CHECK(target == kPaddingSymbol || (target >= 0 && target < classes), "target ", target,
                " of ", classes, " classes");
    if (target == kPaddingSymbol) {
      std::fill_n(logits, gradient ? classes : 0, 0.0f);
    } else {
      if (smoothing > 0) loss += smoothing * (logits[target] - mean_R.const_data_ptr<float>()[row]);
      loss += cpu_kernels().softmax.cross_entropy(logits, classes, target, gradient);
    }
  }
  if (smoothing > 0 && gradient) smooth_gradients(logits_RV, targets, smoothing);
  return loss;
}

class LinearCrossEntropyFunction : public torch::autograd::Function<LinearCrossEntropyFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& hidden_NH, const Tensor& weight_VH,
                        const Tensor& bias_V, const Tensor& targets_N, double smoothing,
                        bool gradient) {
    const int64_t rows = hidden_NH.size(0), classes = weight_VH.size(0);
    const Tensor targets = targets_N.contiguous();
    Tensor d_hidden, d_weight, d_bias;
    if (gradient) {
      d_hidden = torch::empty_like(hidden_NH);
      d_weight = torch::zeros_like(weight_VH);
      d_bias = torch::zeros_like(bias_V);
    }
    const int64_t at_once = std::min(rows, rows_at_once(classes));
    const Tensor memory = torch::empty({at_once, classes}, hidden_NH.options());
    double loss = 0;
    for (int64_t begin = 0; begin < rows; begin += at_once) {
      const int64_t count = std::min(at_once, rows - begin);
      const Tensor part = hidden_NH.narrow(0, begin, count);
      Tensor logits = memory.narrow(0, 0, count);
      at::addmm_out(logits, bias_V, part, weight_VH.t());
      loss +=
          losses_of_rows(logits, targets.const_data_ptr<int64_t>() + begin, smoothing, gradient);
      if (!gradient) continue;
      Tensor d_part = d_hidden.narrow(0, begin, count);
      at::mm_out(d_part, logits, weight_VH);
      d_weight.addmm_(logits.t(), part);
      d_bias.add_(logits.sum(0));
    }
    if (gradient) context->save_for_backward({d_hidden, d_weight, d_bias});
    return torch::full({}, loss, hidden_NH.options());
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return ready_gradients(context, gradients, 3);
  }
};

}  // namespace

Tensor linear_cross_entropy(const Tensor& hidden_NH, const Tensor& weight_VH, const Tensor& bias_V,
                            const Tensor& targets_N, double label_smoothing) {
  if (hidden_NH.is_cpu()) {
    const bool gradient = torch::GradMode::is_enabled() && weight_VH.requires_grad();
    return LinearCrossEntropyFunction::apply(hidden_NH.contiguous(), weight_VH, bias_V, targets_N,
                                             label_smoothing, gradient);
  }
  const Tensor logits_NV = torch::addmm(bias_V, hidden_NH, weight_VH.t());
  return torch::cross_entropy_loss(logits_NV, targets_N, {}, at::Reduction::Sum, kPaddingSymbol,
                                   label_smoothing);
}

}  // namespace lockstep
