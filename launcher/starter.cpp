#include "launcher/starter.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <ostream>
#include <set>

#include "launcher/child_process.h"
#include "launcher/mpirun_output.h"
#include "launcher/signals.h"

namespace lockstep {
namespace {

constexpr int kMaxFruitlessStarts = 3;

/// Writes all it can; a reader that has left is no reason to stop training.
void write_to(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

/// What a signal to us means for mpirun. SIGTERM would leave the ranks two seconds, too few for a
/// checkpoint; SIGUSR1 is forwarded to them.
class SignalRelay {
 public:
  explicit SignalRelay(std::ostream& messages) : messages_(messages) {}

  bool stop_requested() const { return requests_ > 0; }

  void relay(int signal, pid_t mpirun) {
    if (signal == SIGTSTP) {
      ::kill(mpirun, SIGTSTP);  // which mpirun forwards as SIGSTOP
      ::raise(SIGSTOP);
    } else if (signal == SIGCONT) {
      ::kill(mpirun, SIGCONT);
    } else {
      const bool insists = stop_requested() && (signal == SIGINT || signal == SIGTERM);
      if (++requests_ == 1) {
        messages_ << "\nlockstep: stopping after this step, with a checkpoint (once more: at once)"
                  << std::endl;
      }
      ::kill(mpirun, insists ? SIGTERM : SIGUSR1);
    }
  }

  /// mpirun loses signals that come before its ranks run, so a request is repeated.
  void repeat(pid_t mpirun) const {
    if (stop_requested()) ::kill(mpirun, SIGUSR1);
  }

 private:
  std::ostream& messages_;
  int requests_ = 0;
};

/// The highest step with a committed checkpoint, -1 when there is none.
int64_t newest_step(const std::filesystem::path& run_dir) {
  int64_t newest = -1;
  std::error_code ignored;
  constexpr std::string_view kPrefix = "step-";
  for (const auto& entry : std::filesystem::directory_iterator(run_dir / "checkpoints", ignored)) {
    const std::string name = entry.path().filename().string();
    int64_t step = -1;
    if (name.rfind(kPrefix, 0) != 0) continue;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
    if (step > newest && std::filesystem::exists(entry.path() / "state.json", ignored))
      newest = step;
  }
  return newest;
}

/// One job: starts of the same ranks until they finish or starting again makes no sense.
class Job {
 public:
  Job(const StartPlan& plan, std::ostream& messages)
      : plan_(plan), messages_(messages), relay_(messages) {
    const std::filesystem::path mpirun = find_program("mpirun");
    if (mpirun.empty()) {
      throw Error(ExitCode::missing, "mpirun is not in PATH, so no ranks can be started",
                  "install Open MPI (Debian: openmpi-bin), or train on one rank with -n 1");
    }
    command_ = {mpirun.string()};
    const std::vector<std::string> options = mpirun_options(plan.ranks, usable_cores());
    command_.insert(command_.end(), options.begin(), options.end());
    command_.push_back(plan.program.string());
  }

  ExitCode run() {
    const int64_t first_step = newest_step(plan_.run_dir);
    int64_t step = first_step;
    int fruitless = 0;
    for (int64_t restarts = 0;; ++restarts) {
      const Ending ending =
          start_once(step > first_step ? plan_.continue_arguments : plan_.arguments);
      if (!ending.message.empty()) messages_ << "lockstep: " << ending.message << std::endl;
      const int64_t reached = newest_step(plan_.run_dir);
      fruitless = reached > step ? 0 : fruitless + 1;
      step = reached;
      if (ending.code != ExitCode::peer_lost || !may_restart(restarts)) return ending.code;
      if (fruitless >= kMaxFruitlessStarts) return give_up();
      messages_ << fmt::format("lockstep: starting again {} (restart {} of {})",
                               step < 0 ? "from the beginning" : fmt::format("from step {}", step),
                               restarts + 1, plan_.max_restarts)
                << std::endl;
    }
  }

 private:
  bool may_restart(int64_t restarts) const {
    return restarts < plan_.max_restarts && !relay_.stop_requested() && !plan_.run_dir.empty();
  }

  ExitCode give_up() {
    messages_ << fmt::format(
                     "lockstep: {} starts in a row ended before a newer checkpoint: this is "
                     "no accident, not starting again\n  hint: look at the messages above; "
                     "checkpoint.every decides how often a run is saved",
                     kMaxFruitlessStarts)
              << std::endl;
    return ExitCode::bug;
  }

  Ending start_once(const std::vector<std::string>& arguments) {
    std::vector<std::string> command = command_;
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto error_before = read_last_error(plan_.run_dir);
    MpirunOutput errors([](std::string_view bytes) { write_to(STDERR_FILENO, bytes); });
    EndingFacts facts;
    facts.wait_status =
        run_child(command, {[](std::string_view bytes) { write_to(STDOUT_FILENO, bytes); },
                            [&](std::string_view bytes) { errors.feed(bytes); },
                            [&](int signal, pid_t mpirun) { relay_.relay(signal, mpirun); },
                            [&](pid_t mpirun) { relay_.repeat(mpirun); }});
    errors.finish();
    facts.stop_requested = relay_.stop_requested();
    facts.notices = errors.notices();
    facts.last_error = read_last_error(plan_.run_dir);
    if (facts.last_error == error_before) facts.last_error.reset();
    return ending_of(facts);
  }

  const StartPlan& plan_;
  std::ostream& messages_;
  std::vector<std::string> command_;
  SignalRelay relay_;
};

}  // namespace

std::filesystem::path find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view folders = path == nullptr ? "" : path;
  while (!folders.empty()) {
    const size_t end = std::min(folders.find(':'), folders.size());
    const std::filesystem::path file = std::filesystem::path(folders.substr(0, end)) / name;
    if (::access(file.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(file)) return file;
    folders.remove_prefix(std::min(end + 1, folders.size()));
  }
  return {};
}

int usable_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::ifstream file(
        fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    std::string siblings;
    cores.insert(std::getline(file, siblings) ? siblings : std::to_string(cpu));
  }
  return std::max(1, static_cast<int>(cores.size()));
}

std::vector<std::string> mpirun_options(int ranks, int cores) {
  std::vector<std::string> options;
  if (::geteuid() == 0) options.push_back("--allow-run-as-root");
  if (ranks > cores) {
    options.insert(options.end(), {"--oversubscribe", "--bind-to", "none"});
  } else {
    options.insert(options.end(),
                   {"--map-by", fmt::format("slot:PE={}", cores / ranks), "--bind-to", "core"});
  }
  options.insert(options.end(), {"-n", std::to_string(ranks)});
  return options;
}

ExitCode start_ranks(const StartPlan& plan, std::ostream& messages) {
  ignore_broken_pipes();  // ranks go on when whoever read our output has left
  // mpirun gives each rank a terminal of its own, whatever the output ends in.
  if (::isatty(STDOUT_FILENO) == 0) ::setenv("NO_COLOR", "1", 1);
  ::setenv(kStarterVariable, "1", 1);
  return Job(plan, messages).run();
}

}  // namespace lockstep
