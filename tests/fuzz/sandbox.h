// A process of its own for readers that stand on a library which may crash.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

namespace lockstep::fuzz {

/// How one reading ended.
enum class Outcome { good, finding, died_in_library };

/// Calls `read` in a child process with limits of memory and time. A child serves many readings,
/// for a fork takes longer than most of them; one that dies is replaced, and what it died of has to
/// happen once more in a fresh one. Its coverage counters come back through shared memory, so that
/// libFuzzer learns from what ended well or in a documented error.
class Sandbox {
 public:
  /// A death counts as the library's when a frame of it is on the stack (a part of the file's name
  /// is `library`), unless one of its function `trusted_call` is, too.
  Sandbox(std::function<void()> read, std::string library, std::string trusted_call);

  Outcome run();

 private:
  Outcome run_once();
  void start();
  [[noreturn]] void serve(int request, int answer);
  void read_or_end();

  std::function<void()> read_;
  uint8_t* shared_counters_;
  pid_t child_ = -1;
  int readings_ = 0;  ///< of this child
  int request_ = -1;  ///< a byte asks for a reading
  int answer_ = -1;   ///< a byte tells that it ended well
};

}  // namespace lockstep::fuzz
