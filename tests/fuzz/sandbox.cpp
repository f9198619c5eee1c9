#include "tests/fuzz/sandbox.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string_view>
#include <utility>

#include "tests/fuzz/coverage_counters.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" {
void __sanitizer_set_death_callback(void (*callback)());
const char* __asan_default_options();
/// A failed allocation is an answer that code has to live with, as it is without the sanitizer.
/// Names for addresses take a second to find, too long for every death of the library.
const char* __asan_default_options() {
  return "allocator_may_return_null=1:detect_leaks=0:symbolize=0";
}
}

namespace lockstep::fuzz {
namespace {

constexpr size_t kMostMemory = size_t{1} << 30;  // of a child, on top of what the parent has
constexpr int kMostReadings = 500;               // of a child
constexpr int kMostMicroseconds = 500000;        // of processor time, of one reading
constexpr rlim_t kMostSecondsOfChild = 60;
constexpr int kMostMilliseconds = 4000;  // of the clock: twice that is less than libFuzzer's limit
constexpr int kFinding = 77;
constexpr int kDeathInLibrary = 78;

// Signal handlers have no arguments of ours.
std::string library_name;
std::string trusted_name;

bool is_death_in_library() {
  std::array<void*, 256> frames{};
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  bool in_library = false;
  for (int i = 0; i < count; ++i) {
    Dl_info info{};
    if (::dladdr(frames[static_cast<size_t>(i)], &info) == 0 || info.dli_fname == nullptr) continue;
    if (std::string_view(info.dli_fname).find(library_name) == std::string_view::npos) continue;
    if (info.dli_sname != nullptr && info.dli_sname == trusted_name) return false;
    in_library = true;
  }
  return in_library;
}

void on_death() {
  if (is_death_in_library()) ::_exit(kDeathInLibrary);
  std::array<void*, 64> frames{};
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  ::backtrace_symbols_fd(frames.data(), count, STDERR_FILENO);
  ::_exit(kFinding);
}

void handle_deaths() {
  static std::array<char, 1 << 16> stack;
  const stack_t other{.ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
  ::sigaltstack(&other, nullptr);
  struct sigaction action {};
  action.sa_handler = [](int) { on_death(); };
  action.sa_flags = SA_ONSTACK;
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF, SIGXCPU}) {
    ::sigaction(number, &action, nullptr);
  }
  __sanitizer_set_death_callback(on_death);
}

void limit_resources() {
  // The sanitizer reserves terabytes of addresses: what counts is how much comes on top.
  size_t pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%zu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  const rlim_t bytes = pages * static_cast<size_t>(::getpagesize()) + kMostMemory;
  const struct rlimit memory { bytes, bytes };
  const struct rlimit time { kMostSecondsOfChild, kMostSecondsOfChild + 1 };
  const struct rlimit core { 0, 0 };
  ::setrlimit(RLIMIT_AS, &memory);
  ::setrlimit(RLIMIT_CPU, &time);
  ::setrlimit(RLIMIT_CORE, &core);
}

/// Ends with SIGPROF in so much processor time; a new call begins anew.
void begin_time_limit() {
  const struct itimerval limit {
    {0, 0}, { 0, kMostMicroseconds }
  };
  ::setitimer(ITIMER_PROF, &limit, nullptr);
}

/// What a child says; shown only when it ends in a finding.
std::filesystem::path log_file() {
  return scratch_folder() / "child.log";
}

/// Whether there is a byte, or the end, before the time is over.
bool is_ready_in_time(int descriptor) {
  struct pollfd wanted {
    .fd = descriptor, .events = POLLIN, .revents = 0
  };
  int count = 0;
  do {
    count = ::poll(&wanted, 1, kMostMilliseconds);
  } while (count < 0 && errno == EINTR);
  return count > 0;
}

/// One byte, whatever signals come in between; false at the end.
bool receive(int descriptor) {
  char byte = 0;
  ssize_t count = 0;
  do {
    count = ::read(descriptor, &byte, 1);
  } while (count < 0 && errno == EINTR);
  return count == 1;
}

void send(int descriptor) {
  const char byte = 1;
  while (::write(descriptor, &byte, 1) < 0 && errno == EINTR) {
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

Sandbox::Sandbox(std::function<void()> read, std::string library, std::string trusted_call)
    : read_(std::move(read)) {
  library_name = std::move(library);
  trusted_name = std::move(trusted_call);
  std::array<void*, 4> frames{};
  ::backtrace(frames.data(), 4);  // loads what it needs now, not in a signal handler
  ::signal(SIGPIPE, SIG_IGN);
  shared_counters_ = static_cast<uint8_t*>(::mmap(
      nullptr, num_coverage_counters(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  require(shared_counters_ != MAP_FAILED);
}

Outcome Sandbox::run() {
  const bool fresh = child_ < 0;
  const Outcome outcome = run_once();
  return outcome == Outcome::finding && !fresh ? run_once() : outcome;
}

Outcome Sandbox::run_once() {
  if (child_ < 0) start();
  std::memset(shared_counters_, 0, num_coverage_counters());
  send(request_);
  // A death may also end in waiting for a lock that whoever died had taken, for good.
  if (!is_ready_in_time(answer_)) ::kill(child_, SIGKILL);
  const bool good = receive(answer_);
  // What the library dies of shall not be taken for interesting: there would be more of it.
  if (good) std::memcpy(coverage_counters(), shared_counters_, num_coverage_counters());
  if (good && ++readings_ < kMostReadings) return Outcome::good;
  ::close(request_);
  ::close(answer_);
  const int status = wait_for(std::exchange(child_, -1));
  if (good) return Outcome::good;
  // SIGKILL is one of the hard limits of time, where the handler of the soft one did not get to its
  // end: libhdf5 and the allocator have locks, our readers have none to wait for.
  const bool in_library =
      WIFEXITED(status) ? WEXITSTATUS(status) == kDeathInLibrary : WTERMSIG(status) == SIGKILL;
  if (in_library) return Outcome::died_in_library;
  std::cerr << std::ifstream(log_file()).rdbuf() << std::flush;
  return Outcome::finding;
}

void Sandbox::start() {
  std::array<int, 2> request{};
  std::array<int, 2> answer{};
  require(::pipe2(request.data(), O_CLOEXEC) == 0 && ::pipe2(answer.data(), O_CLOEXEC) == 0);
  child_ = ::fork();
  require(child_ >= 0);
  if (child_ == 0) {
    ::close(request[1]);
    ::close(answer[0]);
    serve(request[0], answer[1]);
  }
  ::close(request[0]);
  ::close(answer[1]);
  request_ = request[1];
  answer_ = answer[0];
  readings_ = 0;
}

void Sandbox::serve(int request, int answer) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // or it would keep whoever reads our output waiting
  const int log = ::open(log_file().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  handle_deaths();
  limit_resources();
  while (receive(request)) {
    std::memset(coverage_counters(), 0, num_coverage_counters());
    begin_time_limit();
    read_or_end();
    std::memcpy(shared_counters_, coverage_counters(), num_coverage_counters());
    send(answer);
  }
  ::_exit(0);
}

void Sandbox::read_or_end() {
  try {
    read_();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "an exception that is not documented: %s\n", error.what());
    ::_exit(kFinding);
  }
}

}  // namespace lockstep::fuzz
