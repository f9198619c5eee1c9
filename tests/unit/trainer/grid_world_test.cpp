#include "trainer/tasks/grid_world.h"

#include <gmock/gmock.h>

#include "trainer/tasks/possible_paths.h"

namespace lockstep {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

/// S . #
/// # . G
GridWorld small_world() {
  return {2, 3, {0, 0, 1, 1, 0, 0}, 0, 5};
}

TEST(GridWorldTest, IsReadFromRows) {
  const std::vector<float> rows = {0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1};
  const GridWorld world = GridWorld::from_rows(rows.data(), 2, 3);
  EXPECT_EQ(world.walls, small_world().walls);
  EXPECT_EQ(world.start, 0);
  EXPECT_EQ(world.goal, 5);
}

TEST(GridWorldTest, WallsAndBordersEndAPath) {
  const GridWorld world = small_world();
  EXPECT_THAT(world.follow({2, 3, 2}), ElementsAre(0, 1, 4, 5));
  EXPECT_TRUE(world.reaches_goal({2, 3, 2}));
  EXPECT_TRUE(world.reaches_goal({2, 1, 2, 3, 2}));
  EXPECT_FALSE(world.reaches_goal({2, 3}));
  EXPECT_FALSE(world.reaches_goal({2, 3, 2, 0}));
  EXPECT_THAT(world.follow({0, 2}), ElementsAre(0));
  EXPECT_THAT(world.follow({2, 2, 3}), ElementsAre(0, 1));
  EXPECT_THAT(world.straight_moves(), ElementsAre(3, 2, 2));
  EXPECT_FALSE(world.reaches_goal(world.straight_moves()));
}

TEST(GridWorldTest, RandomWalksAreAddedUpExactly) {
  const GridWorld world = small_world();
  EXPECT_EQ(world.random_walk_arrives(2), 0);
  EXPECT_DOUBLE_EQ(world.random_walk_arrives(3), 1 * 0.5 * 0.5);
  // From cell 4 back to 1, then down or left.
  EXPECT_DOUBLE_EQ(world.random_walk_arrives(5),
                   0.25 + 0.5 * 0.5 * 0.5 * 0.5 + 0.5 * 1 * 0.5 * 0.5);
  EXPECT_NEAR(world.random_walk_arrives(1000), 1, 1e-9);
}

/// Likes left most, then up, right, the end and down, wherever it is.
class Stubborn : public BeamModel {
 public:
  torch::Tensor next(const torch::Tensor& symbols_N) override {
    return torch::tensor({-2.0F, -1.0F, -3.0F, -5.0F, -4.0F}).repeat({symbols_N.size(0), 1});
  }
  void select(const torch::Tensor&, const torch::Tensor&) override {}
};

TEST(PossiblePathsTest, AreOfPossibleMovesAndEndAtTheGoal) {
  const GridWorld open{3, 3, std::vector<uint8_t>(9), 8, 0};
  const GridWorld shut{2, 2, {0, 1, 1, 0}, 0, 3};
  const GridWorld there{2, 2, {0, 0, 0, 0}, 2, 2};
  for (const int64_t beam_size : {1, 4}) {
    Stubborn stubborn;
    PossiblePaths paths(stubborn, {small_world(), open, shut, there}, beam_size, 4);
    const auto found = beam_search(paths, {beam_size, 0, 4}, {20, 20, 20, 20});
    EXPECT_THAT(found[0].front().symbols, ElementsAre(2, 3, 2));              // the only way
    EXPECT_THAT(found[1].front().symbols, UnorderedElementsAre(0, 0, 1, 1));  // in any order
    EXPECT_TRUE(found[2].empty());                                            // no move is possible
    EXPECT_THAT(found[3].front().symbols, ElementsAre());
    for (const Hypothesis& path : found[1]) EXPECT_TRUE(open.reaches_goal(path.symbols));
  }
}

}  // namespace
}  // namespace lockstep
