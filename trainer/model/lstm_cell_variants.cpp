// T time, B batch, I inputs, H cells, P outputs, G rows of the gates (H each).
#include "trainer/model/lstm_cell_variants.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "trainer/model/lstm_stack.h"

namespace lockstep {

using torch::Tensor;

namespace {

enum class Mask { recurrent, cells, outputs, weights };

/// Below it are the sites of dropout(), which tasks number themselves.
constexpr int kMaskSites = 1'000'000;

int mask_site(const MaskPlace& place, Mask mask) {
  return kMaskSites + (place.layer_site * 4 + static_cast<int>(mask)) * 2 + place.direction;
}

/// A matrix of orthonormal rows or columns, whichever are fewer.
Tensor orthonormal(int64_t rows, int64_t columns) {
  const Tensor random = torch::randn({std::max(rows, columns), std::min(rows, columns)});
  const auto [q, r] = torch::linalg_qr(random);
  const Tensor signed_q = q * r.diagonal().sign();  // else the signs are the method's, not random
  return (rows < columns ? signed_q.t() : signed_q).contiguous();
}

void initialise_orthogonally(VariantWeights& weights, int64_t hidden) {
  torch::NoGradGuard no_grad;
  const int64_t outputs = weights.weight_hh.size(1);
  for (Tensor gate : weights.weight_hh.split(hidden)) gate.copy_(orthonormal(hidden, outputs));
  const auto inputs = static_cast<double>(weights.weight_ih.size(1));
  const double bound = std::sqrt(6 / (inputs + static_cast<double>(hidden)));
  weights.weight_ih.uniform_(-bound, bound);
  weights.bias_ih.zero_();
  weights.bias_hh.zero_();
  if (weights.projection_PH.defined()) {
    weights.projection_PH.copy_(orthonormal(outputs, hidden));
  }
}

/// sigmoid(forget_bias) is what an open gate begins with: that of a coupled one is one minus the
/// input gate's.
void add_forget_bias(VariantWeights& weights, const ModelConfig& config) {
  torch::NoGradGuard no_grad;
  const int64_t hidden = config.hidden_size;
  if (config.coupled_gates) {
    weights.bias_ih.narrow(0, 0, hidden).sub_(config.forget_bias);
  } else {
    weights.bias_ih.narrow(0, hidden, hidden).add_(config.forget_bias);
  }
}

/// Cell k forgets within some u steps, u drawn between 1 and `longest_memory`: a gate of s(log u)
/// is u / (1 + u). What a cell keeps for long must also come in slowly, so the input gate is its
/// opposite, as a coupled one is anyway.
void open_for_long_memory(VariantWeights& weights, const ModelConfig& config) {
  torch::NoGradGuard no_grad;
  const int64_t hidden = config.hidden_size;
  const double longest = static_cast<double>(std::max<int64_t>(config.longest_memory, 3) - 1);
  const Tensor bias_H = torch::empty({hidden}).uniform_(1, longest).log();
  const int64_t gates = config.coupled_gates ? 1 : 2;
  weights.bias_hh.narrow(0, 0, gates * hidden).zero_();
  weights.bias_ih.narrow(0, 0, hidden).copy_(-bias_H);
  if (!config.coupled_gates) weights.bias_ih.narrow(0, hidden, hidden).copy_(bias_H);
}

/// Weights whose forget gate is exactly 1 (the sigmoid of 100 in float32), whatever the cell reads:
/// c[t] = c[t - 1] + i[t] g[t], as Hochreiter & Schmidhuber 1997. Its rows get no gradient.
LstmWeights without_forget_gate(const LstmWeights& weights, int64_t hidden) {
  const auto replaced = [&](const Tensor& all, double value) {
    const Tensor forget = torch::full_like(all.narrow(0, hidden, hidden), value);
    return torch::cat({all.narrow(0, 0, hidden), forget, all.narrow(0, 2 * hidden, 2 * hidden)});
  };
  return {replaced(weights.weight_ih, 0), replaced(weights.weight_hh, 0),
          replaced(weights.bias_ih, 100), replaced(weights.bias_hh, 0)};
}

/// 1 - sigmoid(a) is sigmoid(-a): the forget gate has the input gate's rows, negative.
LstmWeights with_coupled_gate(const LstmWeights& weights, int64_t hidden) {
  const auto all = [&](const Tensor& three) {
    const Tensor input = three.narrow(0, 0, hidden);
    return torch::cat({input, -input, three.narrow(0, hidden, 2 * hidden)});
  };
  return {all(weights.weight_ih), all(weights.weight_hh), all(weights.bias_ih),
          all(weights.bias_hh)};
}

/// The mask is one for all samples, ranks and micro-batches of a step, so its "samples" are rows of
/// the matrix.
Tensor recurrent_weights(const VariantWeights& own, const ModelConfig& config,
                         const MaskPlace& place) {
  std::vector<int64_t> rows(static_cast<size_t>(own.weight_hh.size(0)));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  DropoutKey key = place.key;
  key.sample_ids = &rows;
  return dropout(own.weight_hh, config.weight_drop, key, mask_site(place, Mask::weights));
}

}  // namespace

int64_t lstm_outputs(const ModelConfig& config) {
  return config.projection_size > 0 ? config.projection_size : config.hidden_size;
}

VariantWeights make_lstm_weights(const ModelConfig& config, int64_t input_size,
                                 const std::function<Tensor(const std::string&, Tensor)>& add) {
  const int64_t hidden = config.hidden_size, outputs = lstm_outputs(config);
  const int64_t gates = (config.coupled_gates ? 3 : 4) * hidden;
  const double bound = config.initial_bound > 0 ? config.initial_bound
                                                : 1.0 / std::sqrt(static_cast<double>(hidden));
  const auto make = [&](const std::string& name, at::IntArrayRef shape) {
    return add(name, torch::empty(shape).uniform_(-bound, bound));
  };
  VariantWeights weights;
  weights.weight_ih = make("weight_ih", {gates, input_size});
  weights.weight_hh = make("weight_hh", {gates, outputs});
  weights.bias_ih = make("bias_ih", {gates});
  weights.bias_hh = make("bias_hh", {gates});
  if (config.projection_size > 0) weights.projection_PH = make("weight_hr", {outputs, hidden});
  if (config.peepholes) weights.peephole = make("peephole", {gates - hidden});
  if (config.layer_norm) {
    weights.norm_ih_G = add("norm_ih", torch::ones({gates}));
    weights.norm_hh_G = add("norm_hh", torch::ones({gates}));
    weights.norm_c_H = add("norm_c", torch::ones({hidden}));
    weights.norm_c_bias_H = add("norm_c_bias", torch::zeros({hidden}));
  }
  if (config.initial_weights == "orthogonal") initialise_orthogonally(weights, hidden);
  if (config.longest_memory > 0) {
    open_for_long_memory(weights, config);
  } else {
    add_forget_bias(weights, config);
  }
  return weights;
}

bool needs_steps(const ModelConfig& config, bool training) {
  return config.projection_size > 0 || config.peepholes || config.layer_norm ||
         config.zoneout_cells > 0 || config.zoneout_outputs > 0 ||
         (training && config.recurrent_dropout > 0);
}

LstmWeights plain_weights(const VariantWeights& own, const ModelConfig& config,
                          const MaskPlace& place) {
  LstmWeights weights = own;
  weights.weight_hh = recurrent_weights(own, config, place);
  if (config.coupled_gates) return with_coupled_gate(weights, config.hidden_size);
  return config.forget_gate ? weights : without_forget_gate(weights, config.hidden_size);
}

namespace {

/// Sequences with the longest first, so that those that go on at a step are the first rows.
struct RowOrder {
  Tensor order, back;           ///< undefined: as they come
  std::vector<int64_t> active;  ///< rows at each step, up to the longest sequence's end

  Tensor sorted(const Tensor& rows, int64_t dimension) const {
    return order.defined() && rows.defined() ? rows.index_select(dimension, order) : rows;
  }
};

RowOrder row_order(const std::vector<int64_t>& lengths, int64_t time, int64_t batch,
                   torch::Device device) {
  RowOrder rows;
  const bool full =
      std::all_of(lengths.begin(), lengths.end(), [&](int64_t n) { return n == time; });
  if (full) {
    rows.active.assign(static_cast<size_t>(time), batch);
    return rows;
  }
  std::vector<int64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto length = [&](int64_t row) { return lengths[static_cast<size_t>(row)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return length(a) > length(b); });
  for (int64_t t = 0; t < length(order[0]); ++t) {
    rows.active.push_back(
        std::count_if(lengths.begin(), lengths.end(), [&](int64_t n) { return n > t; }));
  }
  rows.order = torch::tensor(order, torch::kInt64);
  rows.back = rows.order.argsort().to(device);
  rows.order = rows.order.to(device);
  return rows;
}

/// One direction of one layer, step by step.
class StepLoop {
 public:
  StepLoop(const VariantWeights& own, const ModelConfig& config, const MaskPlace& place)
      : own_(own), config_(config), place_(place), hidden_(config.hidden_size) {
    weight_hh_ = recurrent_weights(own, config, place);
    bias_ = own.bias_ih + own.bias_hh;
    weight_ih_ = own.weight_ih;
    if (config.forget_gate) return;
    const LstmWeights open =
        without_forget_gate({own.weight_ih, weight_hh_, bias_, own.bias_hh * 0}, hidden_);
    weight_ih_ = open.weight_ih, weight_hh_ = open.weight_hh, bias_ = open.bias_ih;
  }

  LstmOutput run(const Tensor& x_TBI, const std::vector<int64_t>& lengths,
                 const LstmState& initial) {
    const int64_t time = x_TBI.size(0), batch = x_TBI.size(1);
    const RowOrder rows = row_order(lengths, time, batch, x_TBI.device());
    const bool ragged = rows.order.defined();
    const Tensor x = ragged ? x_TBI.masked_fill(~real_steps(lengths, x_TBI), 0) : x_TBI;
    const std::vector<Tensor> pre_BG = from_inputs(rows.sorted(x, 1)).unbind(0);
    draw_masks(time, batch, rows, x_TBI.device());
    LstmState state = first_state(initial, rows, batch, x_TBI.options());
    std::vector<Tensor> outputs;
    for (size_t t = 0; t < rows.active.size(); ++t) {
      const int64_t count = rows.active[t];
      const auto active = [&](const Tensor& all) { return all.narrow(0, 0, count); };
      state = step(active(pre_BG[t]), {active(state.h_BH), active(state.c_BH)},
                   static_cast<int64_t>(t));
      outputs.push_back(count < batch ? torch::constant_pad_nd(state.h_BH, {0, 0, 0, batch - count})
                                      : state.h_BH);
    }
    outputs.resize(static_cast<size_t>(time),
                   torch::zeros({batch, lstm_outputs(config_)}, x.options()));
    const Tensor h_TBP = torch::stack(outputs);
    if (ragged) return {h_TBP.index_select(1, rows.back), {}};
    return {h_TBP, state.c_BH};
  }

 private:
  static constexpr double kEpsilon = 1e-5;

  /// What the gates get from the inputs, of all steps at once.
  Tensor from_inputs(const Tensor& x_TBI) const {
    const Tensor sums = torch::matmul(x_TBI, weight_ih_.t());
    return normalised(sums, own_.norm_ih_G, {}) + bias_;
  }

  static Tensor normalised(const Tensor& sums, const Tensor& gain, const Tensor& bias) {
    if (!gain.defined()) return sums;
    return torch::layer_norm(sums, {gain.size(0)}, gain, bias, kEpsilon);
  }

  void draw_masks(int64_t time, int64_t batch, const RowOrder& rows, torch::Device device) {
    if (!place_.key.training) return;
    const auto draw = [&](std::vector<int64_t> shape, double share, Mask kind) {
      if (share <= 0) return Tensor();
      return dropout_mask(shape, device, share, place_.key, mask_site(place_, kind));
    };
    const int64_t outputs = lstm_outputs(config_);
    recurrent_BP_ =
        rows.sorted(draw({batch, outputs}, config_.recurrent_dropout, Mask::recurrent), 0);
    new_cells_TBH_ =
        rows.sorted(draw({time, batch, hidden_}, config_.zoneout_cells, Mask::cells), 1);
    new_outputs_TBP_ =
        rows.sorted(draw({time, batch, outputs}, config_.zoneout_outputs, Mask::outputs), 1);
  }

  LstmState first_state(const LstmState& initial, const RowOrder& rows, int64_t batch,
                        const torch::TensorOptions& options) const {
    const auto or_zeros = [&](const Tensor& given, int64_t width) {
      return given.defined() ? rows.sorted(given, 0) : torch::zeros({batch, width}, options);
    };
    return {or_zeros(initial.h_BH, lstm_outputs(config_)), or_zeros(initial.c_BH, hidden_)};
  }

  /// What peephole number `index` adds to a gate.
  Tensor with_peephole(const Tensor& gate, int64_t index, const Tensor& c_BH) const {
    if (!own_.peephole.defined()) return gate;
    return gate + own_.peephole.narrow(0, index * hidden_, hidden_) * c_BH;
  }

  /// The rows that go on at step t.
  LstmState step(const Tensor& pre_BG, const LstmState& before, int64_t t) const {
    Tensor h = before.h_BH;
    if (recurrent_BP_.defined()) h = h * recurrent_BP_.narrow(0, 0, h.size(0));
    const Tensor sums = torch::matmul(h, weight_hh_.t());
    const Tensor gates = pre_BG + normalised(sums, own_.norm_hh_G, {});
    const std::vector<Tensor> part = gates.split(hidden_, 1);
    const bool coupled = config_.coupled_gates;
    const Tensor i = with_peephole(part[0], 0, before.c_BH).sigmoid();
    const Tensor f = coupled ? 1 - i : with_peephole(part[1], 1, before.c_BH).sigmoid();
    const Tensor g = part[coupled ? 1 : 2].tanh();
    const Tensor c = f * before.c_BH + i * g;
    const Tensor o = with_peephole(part.back(), coupled ? 1 : 2, c).sigmoid();
    Tensor output = o * normalised(c, own_.norm_c_H, own_.norm_c_bias_H).tanh();
    if (own_.projection_PH.defined()) output = torch::matmul(output, own_.projection_PH.t());
    return {zoned_out(output, before.h_BH, new_outputs_TBP_, config_.zoneout_outputs, t),
            zoned_out(c, before.c_BH, new_cells_TBH_, config_.zoneout_cells, t)};
  }

  /// In training a value is the new or the old one, elsewhere what that gives on average.
  static Tensor zoned_out(const Tensor& now, const Tensor& before, const Tensor& masks,
                          double share, int64_t t) {
    if (share <= 0) return now;
    if (!masks.defined()) return now + share * (before - now);
    return torch::where(masks[t].narrow(0, 0, now.size(0)) > 0, now, before);
  }

  const VariantWeights& own_;
  const ModelConfig& config_;
  const MaskPlace& place_;
  int64_t hidden_;
  Tensor weight_ih_, weight_hh_, bias_;
  Tensor recurrent_BP_;                     ///< zeros, and ones scaled
  Tensor new_cells_TBH_, new_outputs_TBP_;  ///< zero where the old value stays
};

}  // namespace

LstmOutput lstm_steps(const Tensor& x_TBI, const std::vector<int64_t>& lengths,
                      const VariantWeights& own, const LstmState& initial,
                      const ModelConfig& config, const MaskPlace& place) {
  return StepLoop(own, config, place).run(x_TBI, lengths, initial);
}

}  // namespace lockstep
