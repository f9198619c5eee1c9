#include "trainer/gather_over.h"

namespace lockstep {
namespace {

/// How many rows each rank has.
std::vector<int64_t> rows_of_ranks(Communicator& exchange, const torch::Tensor& own) {
  torch::Tensor counts = torch::zeros({exchange.world_size()}, own.options());
  counts[exchange.rank()] = static_cast<float>(own.size(0));
  exchange.sum({counts.data_ptr<float>(), static_cast<size_t>(counts.numel())});
  const torch::Tensor known = counts.cpu().to(torch::kInt64);
  return {known.data_ptr<int64_t>(), known.data_ptr<int64_t>() + known.numel()};
}

}  // namespace

GatherRows gather_over(Communicator& exchange) {
  return [&exchange](const torch::Tensor& own_NF) -> GatheredRows {
    torch::NoGradGuard no_grad;
    if (exchange.world_size() == 1) return {own_NF, 0};
    const std::vector<int64_t> rows = rows_of_ranks(exchange, own_NF);
    const int64_t width = own_NF.size(1);
    std::vector<Span> spans;
    int64_t begin = 0, end = 0;
    for (size_t rank = 0; rank < rows.size(); ++rank) {
      if (static_cast<int>(rank) == exchange.rank()) begin = end;
      spans.push_back(
          {static_cast<size_t>(end * width), static_cast<size_t>((end + rows[rank]) * width)});
      end += rows[rank];
    }
    torch::Tensor all = torch::zeros({end, width}, own_NF.options());
    all.narrow(0, begin, own_NF.size(0)).copy_(own_NF);
    exchange.all_gather(all.data_ptr<float>(), spans);
    return {all, begin};
  };
}

}  // namespace lockstep
