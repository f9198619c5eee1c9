// How likely a symbol is behind the few before it, counted in the targets of a training split.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <vector>

namespace lockstep {

/// The table that n-grams are looked up in: a row for each context of order - 1 symbols, with log p
/// of each symbol that may follow and, in the last column, of the end.
///
/// A context's number has its symbols as digits to the base symbols + 1, the last one lowest; the
/// digit `symbols` stands before the beginning.
class SymbolNgrams {
 public:
  static constexpr int64_t kMostNumbers = int64_t{1} << 22;  ///< of a table: 16 MiB

  /// Throws Error(config) when the table would be larger than kMostNumbers.
  SymbolNgrams(int64_t symbols, int64_t order);

  /// Shape of the table, [contexts, symbols + 1].
  std::vector<int64_t> shape() const { return {contexts_, outcomes()}; }
  int64_t outcomes() const { return symbols_ + 1; }
  /// Counts one sequence for table().
  void add(const std::vector<int64_t>& sequence);
  /// Interpolated estimates (Witten & Bell 1991, method C): a context seen c times with t different
  /// symbols behind it leaves t / (c + t) to the context without its first symbol, and the empty
  /// context to all symbols alike.
  torch::Tensor table() const;

  int64_t first_context() const { return contexts_ - 1; }
  int64_t next_context(int64_t context, int64_t symbol) const {
    return (context * (symbols_ + 1) + symbol) % contexts_;
  }

 private:
  int64_t symbols_;
  int64_t contexts_;
  std::vector<torch::Tensor> counts_;  ///< of contexts of 0, 1, ... order - 1 symbols, float64
};

}  // namespace lockstep
