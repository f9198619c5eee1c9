#include "trainer/row_exchange.h"

#include <algorithm>
#include <numeric>

#include "data/base/error.h"

namespace lockstep {

using torch::Tensor;

namespace {

/// Adds parts [N, ...] up into part 0 in the order of a binary tree (tree_sum.h).
void add_in_tree_order(const Tensor& parts) {
  const int64_t count = parts.size(0);
  for (int64_t distance = 1; distance < count; distance *= 2) {
    for (int64_t left = 0; left + distance < count; left += 2 * distance) {
      parts[left].add_(parts[left + distance]);
    }
  }
}

/// Indices of rows with any bit set: a zero below zero counts.
Tensor rows_not_zero(const Tensor& gradient) {
  const Tensor bits = gradient.view(torch::kInt32);
  if (!gradient.is_cpu()) return bits.ne(0).any(1).nonzero().squeeze(1);
  const int64_t width = bits.size(1);
  const auto* values = bits.const_data_ptr<int32_t>();
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < bits.size(0); ++row) {
    const int32_t* first = values + row * width;
    if (std::any_of(first, first + width, [](int32_t value) { return value != 0; })) {
      rows.push_back(row);
    }
  }
  return torch::tensor(rows, torch::kInt64);
}

}  // namespace

RowExchange::RowExchange(Tensor gradient, Communicator& exchange)
    : gradient_(std::move(gradient)), exchange_(exchange) {
  LOCKSTEP_CHECK(gradient_.dim() == 2 && gradient_.is_contiguous(), "not a matrix");
  const int64_t capacity = gradient_.numel();
  float* memory = exchange.allocate(static_cast<size_t>(capacity));
  packed_ = memory != nullptr ? torch::from_blob(memory, {capacity}, gradient_.options())
                              : torch::empty({capacity}, gradient_.options());
}

int64_t RowExchange::find_rows() {
  rows_ = rows_not_zero(gradient_);
  return rows_.numel();
}

bool RowExchange::pays(const std::vector<int64_t>& rows) const {
  const int64_t total = std::accumulate(rows.begin(), rows.end(), int64_t{0});
  return total <= gradient_.numel() / (gradient_.size(1) + 1);
}

Tensor RowExchange::packed_part(const Span& part) const {
  return packed_.narrow(0, static_cast<int64_t>(part.begin), static_cast<int64_t>(part.size()));
}

void RowExchange::sum(const std::vector<int64_t>& rows) {
  torch::NoGradGuard no_grad;
  const int64_t width = gradient_.size(1);
  std::vector<Span> parts;
  size_t end = 0;
  for (const int64_t count : rows) {
    const size_t begin = end;
    end += static_cast<size_t>(count * (width + 1));
    parts.push_back({begin, end});
  }
  const auto own = static_cast<size_t>(exchange_.rank());
  LOCKSTEP_CHECK(rows[own] == rows_.numel(), "{} rows, not {}", rows_.numel(), rows[own]);
  // An index travels as the bits of a float.
  const Tensor mine = packed_part(parts[own]);
  mine.narrow(0, 0, rows[own]).copy_(rows_.to(torch::kInt32).view(torch::kFloat32));
  mine.narrow(0, rows[own], rows[own] * width)
      .view({rows[own], width})
      .copy_(gradient_.index_select(0, rows_));
  exchange_.all_gather(packed_.data_ptr<float>(), parts);

  std::vector<Tensor> indices;
  for (size_t rank = 0; rank < rows.size(); ++rank) {
    indices.push_back(
        packed_part(parts[rank]).narrow(0, 0, rows[rank]).view(torch::kInt32).to(torch::kInt64));
  }
  const auto [touched, place, counts] = torch::_unique2(torch::cat(indices), true, true);
  const Tensor sums = torch::zeros({static_cast<int64_t>(rows.size()), touched.numel(), width},
                                   gradient_.options());
  int64_t first = 0;
  for (size_t rank = 0; rank < rows.size(); ++rank) {
    const Tensor values =
        packed_part(parts[rank]).narrow(0, rows[rank], rows[rank] * width).view({-1, width});
    sums[static_cast<int64_t>(rank)].index_copy_(0, place.narrow(0, first, rows[rank]), values);
    first += rows[rank];
  }
  add_in_tree_order(sums);
  gradient_.index_copy_(0, touched, sums[0]);
}

}  // namespace lockstep
