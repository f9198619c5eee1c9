// Gradients of which a step touches few rows, an embedding's above all: ranks exchange those rows
// instead of the whole matrix when that moves fewer bytes.
#pragma once

#include "trainer/model/libtorch.h"

#include <vector>

#include "trainer/comm/communicator.h"

namespace lockstep {

/// One matrix [rows, width] in the flat gradient buffer.
class RowExchange {
 public:
  /// Collective. `gradient` is this rank's, a view.
  RowExchange(torch::Tensor gradient, Communicator& exchange);

  /// Looks for the rows of this rank's gradient that are not zero; its number. To be called once
  /// the gradient is complete.
  int64_t find_rows();

  /// Whether `rows` of each rank together are at most half of what a sum over the whole matrix
  /// moves: each rank sends its rows to all others, and the whole matrix would go round twice.
  bool pays(const std::vector<int64_t>& rows) const;

  /// Makes the gradient the sum over ranks, given how many rows each has found. Collective, on
  /// the thread that called find_rows(). Adds in the order of SumOrder::tree, with zeros for rows
  /// that a rank does not have: the bits are those of a sum over the whole matrix.
  void sum(const std::vector<int64_t>& rows);

 private:
  torch::Tensor packed_part(const Span& part) const;

  torch::Tensor gradient_;
  Communicator& exchange_;
  torch::Tensor rows_;    ///< indices of this rank's
  torch::Tensor packed_;  ///< what travels: for each rank its indices, then its rows
};

}  // namespace lockstep
