#include "trainer/model/lstm_stack.h"

#include <algorithm>

namespace lockstep {

using torch::Tensor;

namespace {

bool all_full(const Lengths& lengths, int64_t time) {
  return std::all_of(lengths.begin(), lengths.end(), [&](int64_t n) { return n == time; });
}

/// [T, B] with numbers of rows of x, as [T * B, F], that reverse every sequence.
Tensor reversal_index(const Lengths& lengths, int64_t time) {
  Tensor index = torch::empty({time, static_cast<int64_t>(lengths.size())}, torch::kInt64);
  auto rows = index.accessor<int64_t, 2>();
  for (int64_t t = 0; t < time; ++t) {
    for (size_t b = 0; b < lengths.size(); ++b) {
      const int64_t from = t < lengths[b] ? lengths[b] - 1 - t : t;
      rows[t][static_cast<int64_t>(b)] =
          from * static_cast<int64_t>(lengths.size()) + static_cast<int64_t>(b);
    }
  }
  return index;
}

Tensor length_tensor(const Lengths& lengths, const Tensor& like) {
  return torch::tensor(lengths, torch::kInt64).to(like.device());
}

/// Each sequence's own step, [B, F].
Tensor step_of_each(const Tensor& y_TBF, const Tensor& steps_B) {
  const Tensor index = steps_B.view({1, -1, 1});
  return y_TBF.gather(0, index.expand({1, -1, y_TBF.size(2)})).squeeze(0);
}

/// The state after each sequence's last real step, [B, F].
Tensor last_real_step(const Tensor& y_TBF, const Lengths& lengths) {
  if (all_full(lengths, y_TBF.size(0))) return y_TBF.select(0, y_TBF.size(0) - 1);
  return step_of_each(y_TBF, length_tensor(lengths, y_TBF) - 1);
}

}  // namespace

Tensor reverse_sequences(const Tensor& x_TBF, const Lengths& lengths) {
  if (all_full(lengths, x_TBF.size(0))) return x_TBF.flip(0);
  const Tensor index = reversal_index(lengths, x_TBF.size(0)).to(x_TBF.device());
  return x_TBF.flatten(0, 1).index_select(0, index.flatten()).view(x_TBF.sizes());
}

Tensor real_steps(const Lengths& lengths, const Tensor& like_TBF) {
  const Tensor steps = torch::arange(like_TBF.size(0),
                                     torch::TensorOptions(torch::kInt64).device(like_TBF.device()));
  return (steps.unsqueeze(1) < length_tensor(lengths, like_TBF).unsqueeze(0)).unsqueeze(2);
}

Tensor pool_over_time(const Tensor& y_TBF, const Lengths& lengths, const std::string& pooling,
                      bool bidirectional) {
  if (pooling == "last") {
    if (!bidirectional) return last_real_step(y_TBF, lengths);
    const int64_t half = y_TBF.size(2) / 2;
    return torch::cat({last_real_step(y_TBF.narrow(2, 0, half), lengths),
                       y_TBF.narrow(2, half, half).select(0, 0)},
                      1);
  }
  if (pooling == "middle") {
    return step_of_each(y_TBF, length_tensor(lengths, y_TBF).div(2, "trunc"));
  }
  const Tensor real = real_steps(lengths, y_TBF);
  if (pooling == "max") {
    const Tensor shown_TBF =
        all_full(lengths, y_TBF.size(0)) ? y_TBF : y_TBF.masked_fill(~real, -INFINITY);
    // Only a gradient needs to know at which step the largest value was.
    return torch::GradMode::is_enabled() ? std::get<0>(shown_TBF.max(0)) : shown_TBF.amax(0);
  }
  TORCH_CHECK(pooling == "mean", "unknown pooling ", pooling);
  return y_TBF.masked_fill(~real, 0).sum(0) / length_tensor(lengths, y_TBF).unsqueeze(1);
}

LstmStackImpl::LstmStackImpl(int64_t input_size, const ModelConfig& config) : config_(config) {
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const int64_t width = layer == 0 ? input_size : output_size();
    std::vector<VariantWeights> directions;
    directions.push_back(make_weights(width, "_l" + std::to_string(layer)));
    if (config.bidirectional) {
      directions.push_back(make_weights(width, "_l" + std::to_string(layer) + "_reverse"));
    }
    layers_.push_back(std::move(directions));
  }
}

VariantWeights LstmStackImpl::make_weights(int64_t input_size, const std::string& suffix) {
  return make_lstm_weights(config_, input_size, [&](const std::string& name, const Tensor& fresh) {
    return register_parameter(name + suffix, fresh);
  });
}

LstmOutput LstmStackImpl::run_direction(const Tensor& x_TBF, const Lengths& lengths,
                                        const VariantWeights& own, const LstmState& initial,
                                        const MaskPlace& place) {
  if (needs_steps(config_, place.key.training)) {
    return lstm_steps(x_TBF, lengths, own, initial, config_, place);
  }
  const LstmWeights weights = plain_weights(own, config_, place);
  const bool ours = config_.kernel == "cpu" || (config_.kernel == "auto" && !x_TBF.is_cuda());
  if (ours) {
    return lstm_cpu(x_TBF, initial, weights, pool_, {lengths, config_.precision == "bfloat16"});
  }
  const auto or_zeros = [&](const Tensor& state) {
    return state.defined() ? state.unsqueeze(0)
                           : torch::zeros({1, x_TBF.size(1), config_.hidden_size}, x_TBF.options());
  };
  const auto [h_TBH, last_h, last_c] =
      torch::lstm(x_TBF, {or_zeros(initial.h_BH), or_zeros(initial.c_BH)},
                  {weights.weight_ih, weights.weight_hh, weights.bias_ih, weights.bias_hh},
                  /*has_biases=*/true, /*num_layers=*/1, /*dropout=*/0.0, is_training(),
                  /*bidirectional=*/false, /*batch_first=*/false);
  return {h_TBH, last_c.squeeze(0)};
}

Tensor LstmStackImpl::forward(const Tensor& x_TBF, const Lengths& lengths, const DropoutKey& key,
                              int first_site, std::vector<LstmState>* states) {
  TORCH_CHECK(states == nullptr || !config_.bidirectional, "states are carried in one direction");
  Tensor y = x_TBF;
  for (size_t layer = 0; layer < layers_.size(); ++layer) {
    const int site = first_site + static_cast<int>(layer);
    const Tensor below = y;
    if (layer > 0) y = dropout(y, config_.dropout, key, site);
    const LstmState initial = states == nullptr ? LstmState{} : states->at(layer);
    const LstmOutput forwards = run_direction(y, states == nullptr ? lengths : Lengths{},
                                              layers_[layer][0], initial, {key, site, 0});
    if (states != nullptr) {
      const Tensor last_h = forwards.h_TBH.select(0, forwards.h_TBH.size(0) - 1);
      states->at(layer) = {last_h.detach().clone(), forwards.last_c_BH.detach()};
    }
    Tensor output = forwards.h_TBH;
    if (config_.bidirectional) {
      const Tensor backwards = run_direction(reverse_sequences(y, lengths), lengths,
                                             layers_[layer][1], {}, {key, site, 1})
                                   .h_TBH;
      output = torch::cat({output, reverse_sequences(backwards, lengths)}, 2);
    }
    y = config_.residual && layer > 0 ? output + below : output;
  }
  return y;
}

}  // namespace lockstep
