// What this process did when, for a timeline: spans on threads, as Chrome trace events (open the
// file at chrome://tracing or ui.perfetto.dev). Costs one look at a flag while it is off.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace lockstep {

class Trace {
 public:
  /// Collects spans from now on; forgets earlier ones.
  static void start();
  /// Stops collecting and gives what there is: Chrome trace events separated by commas, without
  /// the brackets of a list, as of process `rank`. Times are microseconds since 1970, so that
  /// traces of several processes of one host fit together.
  static std::string stop(int rank);
  static bool active() { return active_.load(std::memory_order_relaxed); }

  /// How the calling thread is called in traces.
  static void name_thread(const char* name);

 private:
  friend class TraceSpan;
  static void add(const char* name, int64_t begin, int64_t end);
  static int64_t now();

  static std::atomic<bool> active_;
};

/// A span as long as it lives. `name` must outlive the trace (a literal).
class TraceSpan {
 public:
  explicit TraceSpan(const char* name) {
    if (Trace::active()) begin(name);
  }
  ~TraceSpan() {
    if (name_ != nullptr) Trace::add(name_, begin_, Trace::now());
  }
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;

 private:
  void begin(const char* name) {
    name_ = name;
    begin_ = Trace::now();
  }

  const char* name_ = nullptr;
  int64_t begin_ = 0;
};

}  // namespace lockstep
