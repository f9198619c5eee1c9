#include "trainer/tasks/grid_world.h"

#include <gmock/gmock.h>

namespace lockstep {
namespace {

using ::testing::ElementsAre;

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

}  // namespace
}  // namespace lockstep
