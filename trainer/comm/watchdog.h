// No wait without a deadline: ends this process when a collective takes too long, and says which
// ranks are late.
//
// Every rank keeps its last known state in a small memory-mapped file of the run folder's `ranks/`,
// so that whoever waits can read how far the others got even when they no longer answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "trainer/comm/communicator.h"

namespace lockstep {

/// What a rank last said of itself.
struct RankState {
  int64_t collective = 0;  ///< how many collectives it has entered
  bool inside = false;     ///< still in that one
  std::string phase;       ///< "all-reduce", "broadcast", ...
  std::string host;
  int64_t process = 0;
};

/// A RankState in a file that other processes can read at any moment.
class RankStateFile {
 public:
  /// Creates or replaces `folder`/rank-00000.state. Throws Error(run_directory).
  RankStateFile(const std::filesystem::path& folder, const Place& place);
  ~RankStateFile();
  RankStateFile(const RankStateFile&) = delete;
  RankStateFile& operator=(const RankStateFile&) = delete;

  void update(int64_t collective, bool inside, const char* phase);

  struct Record;  ///< the file's layout, private to the source

 private:
  Record* record_ = nullptr;
};

/// Null when the file is not there or makes no sense.
std::unique_ptr<RankState> read_rank_state(const std::filesystem::path& folder, int rank);

/// Which ranks have not entered collective number `collective`, in words, with what they last said:
/// "rank 2 on node7 (process 4711) last entered collective 118 (all-reduce) and has left it".
std::string describe_late_ranks(const std::filesystem::path& folder, const Place& place,
                                int64_t collective);

class Watchdog {
 public:
  /// `on_expired` gets a message and does not return (by default the process ends with
  /// ExitCode::peer_lost). Time in which the whole process was stopped does not count.
  Watchdog(Place place, double timeout_seconds, std::function<void(const std::string&)> on_expired);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// From now on the states of the ranks are kept in `folder`.
  void keep_states_in(const std::filesystem::path& folder);

  /// Marks a collective for as long as it lives.
  class Watch {
   public:
    Watch(Watchdog& owner, const char* phase) : owner_(owner) { owner_.enter(phase); }
    ~Watch() { owner_.leave(); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Watchdog& owner_;
  };

 private:
  void enter(const char* phase);
  void leave();
  void run();
  std::string blame() const;

  Place place_;
  double timeout_seconds_;
  std::function<void(const std::string&)> on_expired_;
  std::filesystem::path folder_;
  std::unique_ptr<RankStateFile> state_;
  std::atomic<int64_t> collective_{0};
  std::atomic<const char*> phase_{nullptr};  ///< null while in no collective
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace lockstep
