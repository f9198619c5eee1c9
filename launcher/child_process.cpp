#include "launcher/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "data/base/error.h"

namespace lockstep {
namespace {

constexpr std::array kCaught = {SIGINT,  SIGTERM, SIGHUP,  SIGUSR1,
                                SIGUSR2, SIGTSTP, SIGCONT, SIGCHLD};
constexpr std::chrono::milliseconds kPatienceAfterEnd{500};

/// Both ends of a pipe; closes them on the way out.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) {
      throw Error(ExitCode::bug, fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    }
  }
  ~Pipe() {
    close_reading();
    close_writing();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  void close_reading() { close(ends_[0]); }
  void close_writing() { close(ends_[1]); }

 private:
  static void close(int& end) {
    if (end >= 0) ::close(std::exchange(end, -1));
  }
  std::array<int, 2> ends_{-1, -1};
};

int signal_pipe = -1;  // where the handler writes; handlers cannot be given anything

void note_signal(int signal) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(signal);
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe, &byte, 1);
  errno = saved;
}

/// Catches signals into a pipe for as long as it lives. Signals ignored so far stay ignored
/// (nohup).
class CaughtSignals {
 public:
  CaughtSignals() {
    ::fcntl(pipe_.writing(), F_SETFL, O_NONBLOCK);
    signal_pipe = pipe_.writing();
    struct sigaction action {};
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < kCaught.size(); ++i) {
      ::sigaction(kCaught[i], nullptr, &before_[i]);
      const bool ignored = before_[i].sa_handler == SIG_IGN && kCaught[i] != SIGCHLD;
      if (!ignored) ::sigaction(kCaught[i], &action, nullptr);
    }
  }
  ~CaughtSignals() {
    for (size_t i = 0; i < kCaught.size(); ++i) ::sigaction(kCaught[i], &before_[i], nullptr);
    signal_pipe = -1;
  }
  CaughtSignals(const CaughtSignals&) = delete;
  CaughtSignals& operator=(const CaughtSignals&) = delete;

  int reading() const { return pipe_.reading(); }

 private:
  Pipe pipe_;
  std::array<struct sigaction, kCaught.size()> before_{};
};

/// Between fork and exec only async-signal-safe calls are allowed.
[[noreturn]] void become(char* const* arguments, const Pipe& output, const Pipe& errors,
                         const Pipe& failure, pid_t parent) {
  ::setpgid(0, 0);  // a Ctrl-C of the terminal reaches us only; we decide what the child is told
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::signal(SIGPIPE, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  const bool redirected = nothing >= 0 && ::dup2(nothing, 0) >= 0 &&
                          ::dup2(output.writing(), 1) >= 0 && ::dup2(errors.writing(), 2) >= 0;
  if (redirected && ::getppid() == parent) ::execv(arguments[0], arguments);
  const int reason = errno;
  [[maybe_unused]] const ssize_t written = ::write(failure.writing(), &reason, sizeof reason);
  ::_exit(127);
}

/// Reads what is there; false at the end of the stream.
bool pass_on(int descriptor, const std::function<void(std::string_view)>& sink) {
  std::array<char, 1 << 16> bytes{};
  const ssize_t count = ::read(descriptor, bytes.data(), bytes.size());
  if (count > 0) sink({bytes.data(), static_cast<size_t>(count)});
  return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

class Child {
 public:
  Child(const std::vector<std::string>& arguments, const ChildHandlers& handlers)
      : handlers_(handlers) {
    std::vector<char*> words;
    for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    Pipe failure;
    const pid_t parent = ::getpid();
    process_ = ::fork();
    if (process_ == 0) become(words.data(), output_, errors_, failure, parent);
    output_.close_writing();
    errors_.close_writing();
    failure.close_writing();
    int reason = errno;
    const bool failed = process_ < 0 || ::read(failure.reading(), &reason, sizeof reason) > 0;
    if (!failed) return;
    if (process_ > 0) ::waitpid(process_, nullptr, 0);
    throw Error(ExitCode::missing,
                fmt::format("{} cannot be started: {}", arguments[0], std::strerror(reason)));
  }

  int wait() {
    std::array<pollfd, 3> sources = {{{signals_.reading(), POLLIN, 0},
                                      {output_.reading(), POLLIN, 0},
                                      {errors_.reading(), POLLIN, 0}}};
    while (sources[1].fd >= 0 || sources[2].fd >= 0 || !ended_) {
      if (ended_ && std::chrono::steady_clock::now() > give_up_) break;
      if (!ended_ && std::chrono::steady_clock::now() > next_second_) {
        next_second_ += std::chrono::seconds(1);
        handlers_.every_second(process_);
      }
      if (::poll(sources.data(), sources.size(), ended_ ? 50 : 1000) < 0) continue;
      if (sources[0].revents != 0) pass_on(sources[0].fd, [&](auto bytes) { take_signals(bytes); });
      drain(sources[1], handlers_.output);
      drain(sources[2], handlers_.errors);
    }
    return status_;
  }

 private:
  static void drain(pollfd& source, const std::function<void(std::string_view)>& sink) {
    if (source.fd >= 0 && source.revents != 0 && !pass_on(source.fd, sink)) source.fd = -1;
  }

  void take_signals(std::string_view numbers) {
    for (const char number : numbers) {
      const int signal = static_cast<unsigned char>(number);
      if (signal != SIGCHLD) {
        if (!ended_) handlers_.signal(signal, process_);
      } else if (!ended_ && ::waitpid(process_, &status_, WNOHANG) == process_) {
        ended_ = true;
        // Something the child left behind may hold its output open; it is not waited for.
        give_up_ = std::chrono::steady_clock::now() + kPatienceAfterEnd;
      }
    }
  }

  const ChildHandlers& handlers_;
  CaughtSignals signals_;  // before the fork, or an early end would go unnoticed
  Pipe output_;
  Pipe errors_;
  pid_t process_ = -1;
  int status_ = 0;
  bool ended_ = false;
  std::chrono::steady_clock::time_point give_up_;
  std::chrono::steady_clock::time_point next_second_ = std::chrono::steady_clock::now();
};

}  // namespace

int run_child(const std::vector<std::string>& arguments, const ChildHandlers& handlers) {
  return Child(arguments, handlers).wait();
}

}  // namespace lockstep
