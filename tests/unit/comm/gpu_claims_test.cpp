#include "trainer/comm/gpu_claims.h"

#include <gtest/gtest.h>

namespace lockstep {
namespace {

using Devices = std::vector<int>;

TEST(GpuClaims, EachRankTakesTheGpuOfItsLocalNumber) {
  const auto assignment =
      assign_gpus({{"a", 0, {"0:1", "0:2"}}, {"a", 1, {"0:1", "0:2"}}, {"b", 0, {"0:1"}}});
  EXPECT_EQ(assignment.problem, "");
  EXPECT_EQ(assignment.device_of_rank, (Devices{0, 1, 0}));
}

TEST(GpuClaims, ASingleVisibleGpuIsTaken) {
  const auto assignment = assign_gpus({{"a", 0, {"0:1"}}, {"a", 1, {"0:2"}}});
  EXPECT_EQ(assignment.device_of_rank, (Devices{0, 0}));
}

TEST(GpuClaims, TwoRanksOnOneGpuAreNamed) {
  const auto assignment = assign_gpus({{"a", 0, {"0:1"}}, {"a", 1, {"0:1"}}});
  EXPECT_TRUE(assignment.device_of_rank.empty());
  EXPECT_EQ(assignment.problem, "ranks 0 and 1 on a would share the GPU at 0:1");
}

TEST(GpuClaims, EqualAddressesOnTwoHostsAreTwoGpus) {
  EXPECT_EQ(assign_gpus({{"a", 0, {"0:1"}}, {"b", 0, {"0:1"}}}).problem, "");
}

TEST(GpuClaims, ARankWithoutAGpuIsNamed) {
  EXPECT_EQ(assign_gpus({{"a", 0, {"0:1", "0:2"}}, {"b", 0, {}}}).problem,
            "rank 1 on b is number 0 of its host, which shows 0 GPUs");
  EXPECT_EQ(assign_gpus({{"a", 2, {"0:1", "0:2"}}}).problem,
            "rank 0 on a is number 2 of its host, which shows 2 GPUs");
}

TEST(GpuClaims, ReportsTravelAsText) {
  const GpuReport report = gpu_report_from(to_text({"node \"7\"", 3, {"0:1", "0:2"}}));
  EXPECT_EQ(report.host, "node \"7\"");
  EXPECT_EQ(report.local_rank, 3);
  EXPECT_EQ(report.bus_ids, (std::vector<std::string>{"0:1", "0:2"}));
}

TEST(GpuClaims, AloneIsNeverACollision) {
  EXPECT_NO_THROW(require_distinct_gpus(*make_alone_communicator(), "0:1"));
}

}  // namespace
}  // namespace lockstep
