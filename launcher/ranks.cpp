#include "launcher/ranks.h"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <thread>

#include "data/base/error.h"
#include "launcher/last_error.h"
#include "launcher/signals.h"
#include "launcher/starter.h"

namespace lockstep {
namespace {

/// Failures that say nothing about the run in the folder, or that forbid touching it.
bool belongs_into_run_folder(ExitCode code) {
  return code != ExitCode::usage && code != ExitCode::config && code != ExitCode::run_directory;
}

/// One rank's side of a failure.
class FailureReport {
 public:
  FailureReport(std::filesystem::path run_dir, const Place& place)
      : run_dir_(std::move(run_dir)), place_(place) {}

  void write(ExitCode code, const std::string& message) const {
    if (run_dir_.empty() || !belongs_into_run_folder(code)) return;
    write_last_error(run_dir_, {place_.rank, place_.host, code, message, {}});
  }

  /// The message of a rank that cannot wait for the others.
  void tell(const std::string& message) const {
    std::cout.flush();
    std::cerr << fmt::format("lockstep: rank {}@{}: {}", place_.rank, place_.host, message)
              << std::endl;
  }

  /// Several ranks see a late one at the same moment; the lowest ends the job before the next
  /// speaks.
  [[noreturn]] void end_late_job(const std::string& message) const {
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(100 * place_.rank, 1000)));
    write(ExitCode::peer_lost, message);
    tell(message);
    abort_job(static_cast<int>(ExitCode::peer_lost));
  }

 private:
  std::filesystem::path run_dir_;
  Place place_;
};

void say(const Error& error) {
  std::cout.flush();
  std::cerr << "lockstep: " << error.full_text() << std::endl;
}

int work_and_report(Communicator& communicator, const RankWork& work) {
  const FailureReport report(work.run_dir, communicator.place());
  const bool alone = communicator.world_size() == 1;
  try {
    return work.run(communicator);
  } catch (const JobError& error) {
    if (communicator.is_root()) {
      report.write(error.code(), error.what());
      say(error);
    }
    return static_cast<int>(error.code());
  } catch (const Error& error) {
    report.write(error.code(), error.what());
    if (alone) {
      say(error);
    } else {  // the others do not know of it and would wait for this rank
      report.tell(error.full_text());
      abort_job(static_cast<int>(error.code()));
    }
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    report.write(ExitCode::bug, error.what());
    report.tell(error.what());
    if (!alone) abort_job(static_cast<int>(ExitCode::bug));
    return static_cast<int>(ExitCode::bug);
  }
}

}  // namespace

int ranks_wanted(std::optional<int> asked, const RunConfig& config,
                 const LaunchEnvironment& environment, const std::function<int()>& visible_gpus) {
  if (environment.kind != LaunchEnvironment::Kind::alone) {
    if (asked && *asked != environment.expected_world_size) {
      throw Error(ExitCode::usage,
                  fmt::format("-n {} is given to a rank of a job that has {}", *asked,
                              environment.expected_world_size),
                  "leave out -n under mpirun and srun: they say how many ranks there are");
    }
    return environment.expected_world_size;
  }
  const auto expected = static_cast<int>(config.run.world_size);
  if (asked && expected > 0 && *asked != expected) {
    throw Error(ExitCode::config,
                fmt::format("-n {} ranks, but run.world_size is {}", *asked, expected),
                "give the same number, or run.world_size=0 to take any");
  }
  if (asked) return *asked;
  if (expected > 0) return expected;
  return config.device == "cpu" ? 1 : std::max(1, visible_gpus());
}

int rank_by_environment() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"}) {
    const char* text = std::getenv(name);
    int rank = 0;
    if (text == nullptr) continue;
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), rank);
    if (error == std::errc{} && *end == '\0') return rank;
  }
  return 0;
}

LaunchEnvironment own_launch_environment() {
  return launch_environment([](const char* name) { return std::getenv(name); });
}

bool colours_are_welcome() {
  return ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
}

int run_on_ranks(const LaunchEnvironment& environment, const RankWork& work) {
  install_stop_handlers();
  ignore_broken_pipes();
  // Under mpirun every rank has a terminal of its own, also when the job's output is a file.
  const bool by_mpirun = environment.kind == LaunchEnvironment::Kind::mpirun;
  if (by_mpirun && std::getenv(kStarterVariable) == nullptr) ::setenv("NO_COLOR", "1", 1);
  Place place;
  place.rank = rank_by_environment();
  place.host = "this host";
  CommunicatorOptions options;
  options.timeout_seconds = work.timeout_seconds;
  options.shared_memory = work.shared_memory;
  options.on_timeout = [&](const std::string& message) {
    FailureReport(work.run_dir, place).end_late_job(message);
  };
  const auto communicator = make_host_communicator(environment, options);
  place = communicator->place();
  install_stop_handlers();
  const int code = work_and_report(*communicator, work);
  finalize_communication();
  return code;
}

}  // namespace lockstep
