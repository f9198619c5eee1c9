// T time, B batch, Q queries, H size of a query, M size of the memory's values.
#include "trainer/model/attention.h"

#include <algorithm>
#include <cmath>

namespace lockstep {

using torch::Tensor;

namespace {

/// [B, 1, T], true in the padding; undefined when there is none.
Tensor padding_of(const Lengths& lengths, const Tensor& y_TBM) {
  const int64_t time = y_TBM.size(0);
  if (std::all_of(lengths.begin(), lengths.end(), [&](int64_t n) { return n == time; })) return {};
  const Tensor steps = torch::arange(time, torch::kInt64);
  const Tensor lengths_B = torch::tensor(lengths, torch::kInt64);
  return (steps.view({1, 1, -1}) >= lengths_B.view({-1, 1, 1})).to(y_TBM.device());
}

}  // namespace

AttentionMemory AttentionMemory::select(const Tensor& sequences) const {
  return {keys_BTH.index_select(0, sequences), values_BTM.index_select(0, sequences),
          padding_B1T.defined() ? padding_B1T.index_select(0, sequences) : Tensor()};
}

AttentionImpl::AttentionImpl(const std::string& kind, int64_t query_size, int64_t memory_size) {
  const auto make = [&](const std::string& name, at::IntArrayRef shape, int64_t fan_in) {
    const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
    return register_parameter(name, torch::empty(shape).uniform_(-bound, bound));
  };
  key_HM_ = make("key_weight", {query_size, memory_size}, memory_size);
  if (kind == "multiplicative") return;
  TORCH_CHECK(kind == "additive", "unknown attention ", kind);
  query_HH_ = make("query_weight", {query_size, query_size}, query_size);
  bias_H_ = make("query_bias", {query_size}, query_size);
  score_H_ = make("score_weight", {query_size}, query_size);
}

AttentionMemory AttentionImpl::prepare(const Tensor& y_TBM, const Lengths& lengths) const {
  const Tensor values_BTM = y_TBM.transpose(0, 1).contiguous();
  return {torch::matmul(values_BTM, key_HM_.t()), values_BTM, padding_of(lengths, y_TBM)};
}

AttentionOutput AttentionImpl::forward(const Tensor& query_BQH,
                                       const AttentionMemory& memory) const {
  Tensor scores_BQT;
  if (score_H_.defined()) {
    const Tensor query = torch::matmul(query_BQH, query_HH_.t()) + bias_H_;
    scores_BQT =
        torch::matmul((query.unsqueeze(2) + memory.keys_BTH.unsqueeze(1)).tanh_(), score_H_);
  } else {
    scores_BQT = torch::bmm(query_BQH, memory.keys_BTH.transpose(1, 2));
  }
  if (memory.padding_B1T.defined()) {
    scores_BQT = scores_BQT.masked_fill(memory.padding_B1T, -INFINITY);
  }
  const Tensor weights_BQT = scores_BQT.softmax(2);
  return {torch::bmm(weights_BQT, memory.values_BTM), weights_BQT};
}

}  // namespace lockstep
