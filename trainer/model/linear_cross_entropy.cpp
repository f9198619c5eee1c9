// N rows, R rows of a part, H hidden, V classes.
#include "trainer/model/linear_cross_entropy.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

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
/// A product of weight gradients is so deep at most.
constexpr int64_t kMostRowsAtOnce = 512;

int64_t rows_at_once(int64_t classes) {
  return std::clamp<int64_t>(kLogitsAtOnce / classes, 16, kMostRowsAtOnce);
}

/// From gradients of cross-entropies to those with label smoothing.
void smooth_gradients(Tensor& gradients_RV, const int64_t* targets, double smoothing) {
  const int64_t classes = gradients_RV.size(1);
  gradients_RV.sub_(smoothing / static_cast<double>(classes));
  for (int64_t row = 0; row < gradients_RV.size(0); ++row) {
    float* gradient = gradients_RV.data_ptr<float>() + row * gradients_RV.stride(0);
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
    float* logits = logits_RV.data_ptr<float>() + row * logits_RV.stride(0);
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

/// The layer's three products, by the kernels of lstm_kernel.h: logits are what they call gates,
/// so there is a multiple of four classes; those behind the last one count nothing.
class OutputProducts {
 public:
  OutputProducts(const LstmKernel& kernel, const Tensor& weight_VH, const Tensor& bias_V,
                 int64_t most_rows, bool gradient)
      : kernel_(kernel),
        classes_(weight_VH.size(0)),
        padded_((classes_ + 3) / 4 * 4),
        width_(weight_VH.size(1)),
        bias_V_(padded(bias_V)),
        logits_RV_(floats(most_rows * padded_ + kOuterSlack)),
        left_(kernel.pairs ? floats(most_rows * kernel.words(std::max(padded_, width_)))
                           : Tensor()) {
    const Tensor weight = padded(weight_VH);
    const float* values = weight.const_data_ptr<float>();
    weight_ = floats(kernel.packed_forward_size(padded_ / 4, width_));
    kernel.pack_forward(values, padded_ / 4, width_, data(weight_));
    if (!gradient) return;
    weight_back_ = floats(kernel.packed_backward_size(padded_, width_));
    kernel.pack_backward(values, padded_, width_, data(weight_back_));
    const int64_t depth = kernel.outer_depth(most_rows);
    outer_logits_ = floats(kernel.outer_left_size(depth, padded_));
    outer_hidden_ = floats(kernel.outer_right_size(depth, width_));
    d_bias_V_ = torch::zeros({padded_});
  }

  /// [R, V], until the next call.
  Tensor logits(const float* hidden, int64_t rows) {
    LstmProductArguments product;
    product.rows = rows;
    product.depth = width_;
    product.columns = padded_ / 4;
    product.left = left_operand(hidden, rows, width_);
    product.packed_weights = data(weight_);
    product.bias = data(bias_V_);
    product.out = data(logits_RV_);
    share(kernel_.gate_blocks(product.columns),
          [&](int64_t begin, int64_t end) { kernel_.multiply_gates(product, begin, end); });
    return logits_RV_.narrow(0, 0, rows * padded_).view({rows, padded_}).narrow(1, 0, classes_);
  }

  /// With the logits' gradients in their place.
  void input_gradient(int64_t rows, float* d_hidden) {
    for (int64_t row = 0; row < rows && padded_ > classes_; ++row) {
      std::fill_n(data(logits_RV_) + row * padded_ + classes_, padded_ - classes_, 0.0f);
    }
    LstmProductArguments product;
    product.rows = rows;
    product.depth = padded_;
    product.columns = width_;
    product.left = left_operand(data(logits_RV_), rows, padded_);
    product.packed_weights = data(weight_back_);
    product.out = d_hidden;
    share(kernel_.column_blocks(width_),
          [&](int64_t begin, int64_t end) { kernel_.multiply(product, begin, end); });
  }
  /// Behind input_gradient().
  void add_weight_gradient(const float* hidden, int64_t rows, bool add, float* d_weight) {
    const int64_t depth = kernel_.outer_depth(rows);
    kernel_.pack_outer_left(
        {data(logits_RV_), rows, padded_, 0, depth, data(outer_logits_), data(d_bias_V_)});
    kernel_.pack_outer_right({hidden, rows, width_, 0, depth, data(outer_hidden_), nullptr});
    const LstmOuterArguments product{
        depth, classes_, width_, data(outer_logits_), data(outer_hidden_), d_weight, add};
    share(kernel_.outer_blocks(classes_),
          [&](int64_t begin, int64_t end) { kernel_.multiply_outer(product, begin, end); });
  }
  Tensor bias_gradient() const { return d_bias_V_.narrow(0, 0, classes_); }

 private:
  static Tensor floats(int64_t count) { return torch::empty({count}, torch::kFloat32); }
  static float* data(const Tensor& tensor) { return tensor.data_ptr<float>(); }
  Tensor padded(const Tensor& of_classes) const {
    if (padded_ == classes_) return of_classes.contiguous();
    std::vector<int64_t> shape = of_classes.sizes().vec();
    shape[0] = padded_ - classes_;
    return torch::cat({of_classes, torch::zeros(shape)});
  }
  const float* left_operand(const float* rows, int64_t count, int64_t depth) {
    if (!kernel_.pairs) return rows;
    kernel_.to_left(rows, count, depth, data(left_));
    return data(left_);
  }
  /// Each block is one thread's, so results do not depend on how many there are.
  template <class Call>
  static void share(int64_t blocks, Call call) {
    constexpr int64_t kLeastBlocks = 8;
    at::parallel_for(0, blocks, kLeastBlocks, call);
  }

  const LstmKernel& kernel_;
  int64_t classes_, padded_, width_;
  Tensor bias_V_, logits_RV_, left_, weight_, weight_back_, outer_logits_, outer_hidden_, d_bias_V_;
};

class LinearCrossEntropyFunction : public torch::autograd::Function<LinearCrossEntropyFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& hidden_NH, const Tensor& weight_VH,
                        const Tensor& bias_V, const Tensor& targets_N,
                        const LinearCrossEntropyOptions& options, bool gradient) {
    const CpuKernels& kernels = cpu_kernels();
    const int64_t rows = hidden_NH.size(0), width = hidden_NH.size(1);
    const int64_t at_once = std::min(rows, rows_at_once(weight_VH.size(0)));
    OutputProducts products(options.bfloat16 ? kernels.lstm_bfloat16 : kernels.lstm, weight_VH,
                            bias_V, at_once, gradient);
    const Tensor targets_contiguous = targets_N.contiguous();
    const int64_t* targets = targets_contiguous.const_data_ptr<int64_t>();
    const float* hidden = hidden_NH.const_data_ptr<float>();
    Tensor d_hidden, d_weight;
    if (gradient) {
      d_hidden = torch::empty_like(hidden_NH);
      d_weight = rows > 0 ? torch::empty_like(weight_VH) : torch::zeros_like(weight_VH);
    }
    double loss = 0;
    for (int64_t begin = 0; begin < rows; begin += at_once) {
      const int64_t count = std::min(at_once, rows - begin);
      Tensor logits_RV = products.logits(hidden + begin * width, count);
      loss += losses_of_rows(logits_RV, targets + begin, options.label_smoothing, gradient);
      if (!gradient) continue;
      products.input_gradient(count, d_hidden.data_ptr<float>() + begin * width);
      products.add_weight_gradient(hidden + begin * width, count, begin > 0,
                                   d_weight.data_ptr<float>());
    }
    if (gradient) context->save_for_backward({d_hidden, d_weight, products.bias_gradient()});
    return torch::full({}, loss, hidden_NH.options());
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return ready_gradients(context, gradients, 3);
  }
};

}  // namespace

Tensor linear_cross_entropy(const Tensor& hidden_NH, const Tensor& weight_VH, const Tensor& bias_V,
                            const Tensor& targets_N, const LinearCrossEntropyOptions& options) {
  if (hidden_NH.is_cpu()) {
    const bool gradient = torch::GradMode::is_enabled() && weight_VH.requires_grad();
    return LinearCrossEntropyFunction::apply(hidden_NH.contiguous(), weight_VH.contiguous(), bias_V,
                                             targets_N, options, gradient);
  }
  const Tensor logits_NV = torch::addmm(bias_V, hidden_NH, weight_VH.t());
  return torch::cross_entropy_loss(logits_NV, targets_N, {}, at::Reduction::Sum, kPaddingSymbol,
                                   options.label_smoothing);
}

}  // namespace lockstep
