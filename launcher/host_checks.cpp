#include "launcher/host_checks.h"

#include <sched.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "launcher/child_process.h"
#include "launcher/mpirun_output.h"
#include "launcher/ranks.h"
#include "launcher/starter.h"
#include "trainer/devices.h"

namespace lockstep {
namespace {

using Verdict = HostCheck::Verdict;

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
constexpr double kLittleMemoryGiB = 2.0;
constexpr double kLittleSharedMemoryGiB = 0.25;  // containers often get 64 MiB

/// MemAvailable of /proc/meminfo in GiB, negative when it does not say.
double available_memory_gib() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  double kib = 0;
  std::string rest;
  while (file >> name >> kib && std::getline(file, rest)) {
    if (name == "MemAvailable:") return kib * 1024 / kGiB;
  }
  return -1;
}

/// The control group's CPU limit in cores, 0 when there is none.
double cpu_quota() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0;
  double period = 0;
  return file >> quota >> period && period > 0 ? quota / period : 0;
}

int hardware_threads() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  return ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
}

/// Starts two processes that do nothing; returns what went wrong.
std::string try_mpirun(const std::string& mpirun) {
  std::vector<std::string> command = {mpirun};
  for (const std::string& option : mpirun_options(2, usable_cores())) command.push_back(option);
  command.push_back(find_program("true").string());
  std::string said;
  const auto note = [&](std::string_view bytes) { said += bytes; };
  const int status = run_child(command, {note, note, [](int, pid_t) {}, [](pid_t) {}});
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? std::string() : who_was_lost(said);
}

}  // namespace

HostCheck check_processor() {
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq");
  if (avx512) return {"processor", Verdict::ok, "AVX-512", "", {}};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return {"processor", Verdict::ok, "AVX2 with FMA", "", {}};
  }
  return {"processor",
          Verdict::warn,
          "neither AVX2 nor AVX-512",
          "training on this CPU works, but several times slower",
          {}};
}

HostCheck check_cores() {
  const int cores = usable_cores();
  const double quota = cpu_quota();
  const std::string finding =
      fmt::format("{} cores, {} hardware threads", cores, hardware_threads());
  if (quota > 0 && quota < cores) {
    return {"cores",
            Verdict::warn,
            fmt::format("{}, but a limit of {:.1f}", finding, quota),
            "start no more ranks than the container's CPU limit allows",
            {}};
  }
  return {"cores", Verdict::ok, finding, "", {}};
}

HostCheck check_memory() {
  const double gib = available_memory_gib();
  if (gib < 0) return {"memory", Verdict::warn, "/proc/meminfo does not tell", "", {}};
  const std::string finding = fmt::format("{:.1f} GiB available", gib);
  if (gib >= kLittleMemoryGiB) return {"memory", Verdict::ok, finding, "", {}};
  return {"memory", Verdict::warn, finding, "each rank needs about 0.5 GiB besides the model", {}};
}

HostCheck check_shared_memory() {
  struct statvfs space {};
  if (::statvfs("/dev/shm", &space) != 0 || ::access("/dev/shm", W_OK) != 0) {
    return {"/dev/shm", Verdict::fail, "not there or not writable",
            "ranks of one host exchange gradients through it; mount a tmpfs there",
            ExitCode::missing};
  }
  const double gib =
      static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize) / kGiB;
  const std::string finding = fmt::format("{:.2f} GiB free", gib);
  if (gib >= kLittleSharedMemoryGiB) return {"/dev/shm", Verdict::ok, finding, "", {}};
  return {"/dev/shm", Verdict::warn, finding, "give a container more, as with --shm-size=1g", {}};
}

HostCheck check_gpus() {
  const int gpus = visible_gpus();
  if (gpus > 0) return {"GPUs", Verdict::ok, fmt::format("{} visible", gpus), "", {}};
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  const bool driver =
      std::filesystem::exists("/dev/nvidiactl") || std::filesystem::exists("/dev/nvidia0");
  if (!driver) return {"GPUs", Verdict::ok, "none; ranks compute on the CPU", "", {}};
  return {"GPUs",
          Verdict::warn,
          "a driver is there, but no GPU can be used",
          visible != nullptr ? fmt::format("CUDA_VISIBLE_DEVICES is \"{}\"", visible)
                             : "the driver may be older than CUDA 13 needs (580), see nvidia-smi",
          {}};
}

HostCheck check_mpirun() {
  const std::filesystem::path mpirun = find_program("mpirun");
  if (mpirun.empty()) {
    return {"mpirun", Verdict::fail, "not in PATH", "install Open MPI (Debian: openmpi-bin)",
            ExitCode::missing};
  }
  if (own_launch_environment().kind != LaunchEnvironment::Kind::alone) {
    return {"mpirun", Verdict::ok, mpirun.string() + " (this process is a rank itself)", "", {}};
  }
  const std::string problem = try_mpirun(mpirun.string());
  if (problem.empty())
    return {"mpirun", Verdict::ok, mpirun.string() + " starts two processes", "", {}};
  return {"mpirun", Verdict::fail, fmt::format("{}: {}", mpirun.string(), problem),
          fmt::format("try `{} -n 2 true`", mpirun.string()), ExitCode::peer_lost};
}

HostCheck check_slurm() {
  const char* job = std::getenv("SLURM_JOB_ID");
  if (job == nullptr) return {"Slurm", Verdict::ok, "not inside a job", "", {}};
  try {
    const LaunchEnvironment environment = own_launch_environment();
    return {"Slurm",
            Verdict::ok,
            fmt::format("job {}, {} ranks", job, environment.expected_world_size),
            "",
            {}};
  } catch (const Error& error) {
    return {"Slurm", Verdict::fail, error.what(), error.hint(), error.code()};
  }
}

HostCheck check_working_folder() {
  std::error_code ignored;
  const std::string folder = std::filesystem::current_path(ignored).string();
  if (::access(".", W_OK) == 0)
    return {"this folder", Verdict::ok, folder + " is writable", "", {}};
  return {"this folder",
          Verdict::warn,
          folder + " is not writable",
          "runs go to runs/ here unless run.dir says otherwise",
          {}};
}

std::vector<HostCheck> check_host() {
  return {check_processor(), check_cores(), check_memory(), check_shared_memory(),
          check_gpus(),      check_slurm(), check_mpirun(), check_working_folder()};
}

}  // namespace lockstep
