#include "trainer/row_exchange.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "tests/support/thread_ranks.h"

namespace lockstep {
namespace {

using torch::Tensor;

constexpr int64_t kRows = 50, kWidth = 7;

/// Few rows, some of them the same on several ranks, none on rank 2; the order of adding shows.
Tensor gradient_of(int rank) {
  Tensor gradient = torch::zeros({kRows, kWidth});
  if (rank == 2) return gradient;
  for (const int64_t row : {int64_t{3}, (rank * 11 + 4) % kRows, int64_t{rank % 2 * 20 + 9}}) {
    gradient[row] = torch::full({kWidth}, 1.0f / static_cast<float>(3 + rank * 7 + row));
  }
  return gradient;
}

std::vector<int64_t> gather_rows(Communicator& comm, int64_t own) {
  std::vector<int64_t> rows;
  for (const double count : gather_numbers(comm, static_cast<double>(own))) {
    rows.push_back(static_cast<int64_t>(count));
  }
  return rows;
}

TEST(RowExchangeTest, GivesTheBitsOfASumOverTheWholeMatrix) {
  for (const int size : {1, 2, 3, 4, 7, 8}) {
    on_thread_ranks(size, [](Communicator& comm) {
      Tensor gradient = gradient_of(comm.rank());
      Tensor whole = gradient.clone();
      RowExchange exchange(gradient, comm);
      const std::vector<int64_t> rows = gather_rows(comm, exchange.find_rows());
      EXPECT_EQ(rows[0], 3);
      EXPECT_TRUE(exchange.pays(rows));
      exchange.sum(rows);
      comm.sum({whole.data_ptr<float>(), static_cast<size_t>(whole.numel()), SumOrder::tree});
      EXPECT_TRUE(torch::equal(gradient, whole)) << comm.rank() << " of " << comm.world_size();
    });
  }
}

TEST(RowExchangeTest, PaysWhileRowsOfAllRanksMoveLessThanTheMatrix) {
  on_thread_ranks(2, [](Communicator& comm) {
    RowExchange exchange(torch::zeros({100, 9}), comm);
    EXPECT_TRUE(exchange.pays({45, 45}));  // with their indices, as long as the matrix
    EXPECT_FALSE(exchange.pays({45, 46}));
    EXPECT_TRUE(exchange.pays({0, 0}));
  });
}

TEST(RowExchangeTest, NobodyHasAnyRow) {
  on_thread_ranks(3, [](Communicator& comm) {
    Tensor gradient = torch::zeros({kRows, kWidth});
    RowExchange exchange(gradient, comm);
    exchange.sum(gather_rows(comm, exchange.find_rows()));
    EXPECT_TRUE(torch::equal(gradient, torch::zeros({kRows, kWidth})));
  });
}

TEST(RowExchangeTest, WhatIsNotANumberTravelsToo) {
  on_thread_ranks(2, [](Communicator& comm) {
    Tensor gradient = torch::zeros({kRows, kWidth});
    if (comm.rank() == 1) gradient[5][2] = std::numeric_limits<float>::quiet_NaN();
    RowExchange exchange(gradient, comm);
    exchange.sum(gather_rows(comm, exchange.find_rows()));
    EXPECT_TRUE(std::isnan(gradient[5][2].item<float>()));
  });
}

}  // namespace
}  // namespace lockstep
