// What on this host can keep Lockstep from running, or from running well.
#pragma once

#include <string>
#include <vector>

#include "data/base/error.h"

namespace lockstep {

struct HostCheck {
  enum class Verdict { ok, warn, fail };
  std::string subject;
  Verdict verdict = Verdict::ok;
  std::string finding;
  std::string hint;                ///< what to do; empty when nothing needs doing
  ExitCode code = ExitCode::done;  ///< of a failure
};

HostCheck check_processor();
HostCheck check_cores();
HostCheck check_memory();
HostCheck check_shared_memory();
HostCheck check_gpus();
/// Finds mpirun and starts two processes with it.
HostCheck check_mpirun();
HostCheck check_slurm();
HostCheck check_working_folder();

std::vector<HostCheck> check_host();

}  // namespace lockstep
