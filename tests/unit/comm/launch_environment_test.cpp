#include "trainer/comm/launch_environment.h"

#include <gtest/gtest.h>

#include <map>

#include "data/base/error.h"

namespace lockstep {
namespace {

using Kind = LaunchEnvironment::Kind;
using Variables = std::map<std::string, std::string>;

LaunchEnvironment found_in(const Variables& variables) {
  return launch_environment([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

void expect(const Variables& variables, Kind kind, int world_size) {
  const LaunchEnvironment environment = found_in(variables);
  EXPECT_EQ(environment.kind, kind);
  EXPECT_EQ(environment.expected_world_size, world_size);
}

TEST(LaunchEnvironmentTest, NothingSetIsAlone) {
  expect({}, Kind::alone, 1);
}

TEST(LaunchEnvironmentTest, MpirunSaysHowMany) {
  expect({{"OMPI_COMM_WORLD_SIZE", "4"}}, Kind::mpirun, 4);
  expect({{"OMPI_COMM_WORLD_SIZE", "4"}, {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}},
         Kind::mpirun, 4);
}

TEST(LaunchEnvironmentTest, ABatchScriptItselfIsAlone) {
  expect({{"SLURM_JOB_ID", "7"}, {"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}}, Kind::alone, 1);
}

TEST(LaunchEnvironmentTest, SrunWithPmixIsAWorld) {
  expect({{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "8"}, {"PMIX_RANK", "3"}}, Kind::srun,
         8);
}

TEST(LaunchEnvironmentTest, SrunOfOneTaskNeedsNoPmix) {
  expect({{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}}, Kind::alone, 1);
}

TEST(LaunchEnvironmentTest, SrunWithoutPmixIsRefusedAndPmixNamed) {
  for (const Variables& variables :
       {Variables{{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "4"}},
        Variables{{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"PMI_RANK", "1"}}}) {
    try {
      found_in(variables);
      FAIL() << "four worlds of one must not start";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::config);
      EXPECT_NE(error.hint().find("--mpi=pmix"), std::string::npos);
    }
  }
}

TEST(LaunchEnvironmentTest, NonsenseNumbersAreNoWorld) {
  for (const char* text : {"", "0", "-3", "two", "4x", "99999999999999999999"}) {
    expect({{"OMPI_COMM_WORLD_SIZE", text}}, Kind::alone, 1);
  }
}

}  // namespace
}  // namespace lockstep
