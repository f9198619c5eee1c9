// The floor of recommenders: places of a first-order Markov chain.
#include "data/import/successors.h"

#include <gtest/gtest.h>

#include "data/import/date_time.h"

namespace lockstep {
namespace {

TEST(SuccessorsTest, PlacesByFallingCountThenNumberThenPopularity) {
  Successors successors;
  for (const auto& [from, to] : std::vector<std::pair<int, int>>{
           {1, 7}, {1, 5}, {1, 7}, {1, 3}, {2, 7}, {1, 3}, {1, 9}, {1, 7}}) {
    successors.add(from, to);
  }
  successors.finish();
  EXPECT_EQ(successors.place(1, 7), 1);
  EXPECT_EQ(successors.place(1, 3), 2);
  EXPECT_EQ(successors.place(1, 5), 3);
  EXPECT_EQ(successors.place(1, 9), 4);
  EXPECT_EQ(successors.place(2, 7), 1);
  // Then all others: 1, 2, 4, 6, 8, 10, ...
  EXPECT_EQ(successors.place(1, 1), 5);
  EXPECT_EQ(successors.place(1, 4), 7);
  EXPECT_EQ(successors.place(1, 10), 10);
  EXPECT_EQ(successors.place(2, 3), 4);
  EXPECT_EQ(successors.place(8, 1), 1);
  EXPECT_EQ(successors.place(0, 6), 6);
  EXPECT_EQ(successors.place(1, 0), 0);
}

TEST(SuccessorsTest, FarPlacesAreNotTold) {
  Successors successors;
  for (int to = 1; to <= Successors::kPlaces + 5; ++to) successors.add(3, to);
  successors.finish();
  EXPECT_EQ(successors.place(3, Successors::kPlaces), Successors::kPlaces);
  EXPECT_EQ(successors.place(3, Successors::kPlaces + 1), 0);
  EXPECT_EQ(successors.place(3, Successors::kPlaces + 6), 0);
  EXPECT_EQ(successors.place(4, Successors::kPlaces), Successors::kPlaces);
  EXPECT_EQ(successors.place(4, Successors::kPlaces + 1), 0);
}

TEST(DateTextTest, ReadsBack) {
  for (const char* text : {"1969-12-31 23:59:59", "1970-01-01 00:00:00", "2016-02-29 05:07:09"}) {
    EXPECT_EQ(date_text(*read_time(text)), text);
  }
}

}  // namespace
}  // namespace lockstep
