#include "launcher/signals.h"

#include <signal.h>

namespace lockstep {
namespace {

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free,
              "a signal handler may only set lock-free atomics");

void request_stop(int signal) {
  if (!stop_requested.exchange(true) || signal != SIGINT) return;
  ::signal(SIGINT, SIG_DFL);  // the user insists
  ::raise(SIGINT);
}

}  // namespace

const std::atomic<bool>& install_stop_handlers() {
  struct sigaction action {};
  action.sa_handler = request_stop;
  action.sa_flags = SA_RESTART;  // reads and writes under way need not know
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2})
    ::sigaction(signal, &action, nullptr);
  return stop_requested;
}

void ignore_broken_pipes() {
  ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace lockstep
