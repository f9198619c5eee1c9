#include "data/base/trace.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <mutex>
#include <vector>

namespace lockstep {
namespace {

struct Span {
  const char* name;
  int thread;
  int64_t begin;
  int64_t end;
};

struct Collected {
  std::mutex mutex;
  std::vector<Span> spans;
  std::map<int, std::string> thread_names;
};

Collected& collected() {
  static Collected instance;
  return instance;
}

int this_thread() {
  static std::atomic<int> next{0};
  thread_local const int number = next++;
  return number;
}

}  // namespace

std::atomic<bool> Trace::active_{false};

int64_t Trace::now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

void Trace::start() {
  const std::lock_guard lock(collected().mutex);
  collected().spans.clear();
  active_ = true;
}

void Trace::name_thread(const char* name) {
  const std::lock_guard lock(collected().mutex);
  collected().thread_names[this_thread()] = name;
}

void Trace::add(const char* name, int64_t begin, int64_t end) {
  if (!active()) return;
  const std::lock_guard lock(collected().mutex);
  collected().spans.push_back({name, this_thread(), begin, end});
}

std::string Trace::stop(int rank) {
  active_ = false;
  const std::lock_guard lock(collected().mutex);
  std::string events = fmt::format(
      R"({{"ph":"M","name":"process_name","pid":{0},"args":{{"name":"rank {0}"}}}})", rank);
  for (const auto& [thread, name] : collected().thread_names) {
    events += fmt::format(
        R"(,{{"ph":"M","name":"thread_name","pid":{},"tid":{},"args":{{"name":"{}"}}}})", rank,
        thread, name);
  }
  for (const Span& span : collected().spans) {
    events += fmt::format(R"(,{{"ph":"X","name":"{}","pid":{},"tid":{},"ts":{:.3f},"dur":{:.3f}}})",
                          span.name, rank, span.thread, static_cast<double>(span.begin) / 1e3,
                          static_cast<double>(span.end - span.begin) / 1e3);
  }
  collected().spans.clear();
  return events;
}

}  // namespace lockstep
