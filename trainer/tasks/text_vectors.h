// Vectors of many texts, each different one encoded once.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "trainer/model/lstm_stack.h"
#include "trainer/tasks/gather_rows.h"

namespace lockstep {

using TextSymbolNumbers = std::vector<int64_t>;

/// Different texts, numbered in the order they come.
class DistinctTexts {
 public:
  /// Its number.
  int64_t add(const TextSymbolNumbers& text);
  /// -1: it was not added.
  int64_t find(const TextSymbolNumbers& text) const;
  const std::vector<const TextSymbolNumbers*>& all() const { return all_; }

 private:
  struct Hash {
    size_t operator()(const TextSymbolNumbers& text) const;
  };

  std::unordered_map<TextSymbolNumbers, int64_t, Hash> numbers_;  ///< its keys stay where they are
  std::vector<const TextSymbolNumbers*> all_;
};

/// Places of texts in lists of 256, shortest texts first, so that those encoded together need
/// little padding. Which come together depends on `lengths` only.
std::vector<std::vector<int64_t>> chunks_of_like_length(const Lengths& lengths);

/// Symbols [T, N] of N texts -> their vectors [N, O].
using EncodeTexts = std::function<torch::Tensor(const torch::Tensor& symbols_TN, const Lengths&)>;

/// Encodes on `device`, to vectors of `vector_size` numbers.
struct TextEncoder {
  EncodeTexts encode;
  int64_t vector_size = 0;
  torch::Device device = torch::kCPU;
};

/// [texts, O], in their order; none is empty. Texts of like length are encoded together, and the
/// ranks share the work. What is encoded together depends on the texts only, so the bits are the
/// same with any number of ranks. Collective where `ranks.gather` is.
torch::Tensor encode_texts(const std::vector<const TextSymbolNumbers*>& texts,
                           const TextEncoder& encoder, const SharedWork& ranks = {});

}  // namespace lockstep
