#include "trainer/comm/watchdog.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "data/base/atomic_file.h"
#include "data/base/error.h"

namespace lockstep {

namespace {

constexpr char kMagic[8] = {'L', 'S', 'R', 'A', 'N', 'K', '0', '1'};
constexpr auto kPollInterval = std::chrono::milliseconds(50);

std::filesystem::path state_path(const std::filesystem::path& folder, int rank) {
  return folder / fmt::format("rank-{:05}.state", rank);
}

template <size_t kSize>
void copy_text(char (&destination)[kSize], const std::string& text) {
  const size_t size = std::min(text.size(), kSize - 1);
  std::memcpy(destination, text.data(), size);
  std::memset(destination + size, 0, kSize - size);
}

}  // namespace

/// The file's bytes. Written field by field without a lock: a reader may see a mixture of two
/// neighbouring states, which is good enough to name who is late.
struct RankStateFile::Record {
  char magic[8];
  int64_t collective;
  int64_t inside;
  int64_t process;
  char phase[32];
  char host[192];
};

RankStateFile::RankStateFile(const std::filesystem::path& folder, const Place& place) {
  const std::filesystem::path path = state_path(folder, place.rank);
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  void* memory = MAP_FAILED;
  if (file >= 0 && ::ftruncate(file, sizeof(Record)) == 0) {
    memory = ::mmap(nullptr, sizeof(Record), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  const int reason = errno;
  if (file >= 0) ::close(file);
  if (memory == MAP_FAILED) {
    throw Error(ExitCode::run_directory,
                fmt::format("{}: cannot be created: {}", path.string(), std::strerror(reason)),
                "every rank must be able to write into the run folder");
  }
  record_ = static_cast<Record*>(memory);
  std::memcpy(record_->magic, kMagic, sizeof kMagic);
  record_->process = ::getpid();
  copy_text(record_->host, place.host);
}

RankStateFile::~RankStateFile() {
  ::munmap(record_, sizeof(Record));
}

void RankStateFile::update(int64_t collective, bool inside, const char* phase) {
  record_->collective = collective;
  record_->inside = inside ? 1 : 0;
  std::strncpy(record_->phase, phase, sizeof record_->phase - 1);
}

std::unique_ptr<RankState> read_rank_state(const std::filesystem::path& folder, int rank) {
  std::string bytes;
  try {
    bytes = read_file(state_path(folder, rank), 4096);
  } catch (const Error&) {
    return nullptr;
  }
  RankStateFile::Record record{};
  if (bytes.size() != sizeof record) return nullptr;
  std::memcpy(&record, bytes.data(), sizeof record);
  if (std::memcmp(record.magic, kMagic, sizeof kMagic) != 0) return nullptr;
  record.phase[sizeof record.phase - 1] = 0;
  record.host[sizeof record.host - 1] = 0;
  auto state = std::make_unique<RankState>();
  *state = {record.collective, record.inside != 0, record.phase, record.host, record.process};
  return state;
}

std::string describe_late_ranks(const std::filesystem::path& folder, const Place& place,
                                int64_t collective) {
  std::string late;
  for (int rank = 0; rank < place.world_size && !folder.empty(); ++rank) {
    const auto state = rank == place.rank ? nullptr : read_rank_state(folder, rank);
    if (!state || state->collective >= collective) continue;
    late +=
        fmt::format("{}rank {} on {} (process {}) last entered collective {} ({}) and {}",
                    late.empty() ? "" : "; ", rank, state->host, state->process, state->collective,
                    state->phase, state->inside ? "is still in it" : "has left it");
  }
  return late.empty() ? "no rank is known to be behind: the network or a dead process is likely"
                      : late;
}

namespace {

void end_process(const std::string& message) {
  std::fprintf(stderr, "lockstep: %s\n", message.c_str());
  std::fflush(stderr);
  std::_Exit(static_cast<int>(ExitCode::peer_lost));
}

}  // namespace

Watchdog::Watchdog(Place place, double timeout_seconds,
                   std::function<void(const std::string&)> on_expired)
    : place_(std::move(place)),
      timeout_seconds_(timeout_seconds),
      on_expired_(on_expired ? std::move(on_expired) : end_process),
      thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
  stop_ = true;
  thread_.join();
}

void Watchdog::keep_states_in(const std::filesystem::path& folder) {
  state_ = std::make_unique<RankStateFile>(folder, place_);
  folder_ = folder;
}

void Watchdog::enter(const char* phase) {
  const int64_t number = collective_.fetch_add(1) + 1;
  if (state_) state_->update(number, true, phase);
  phase_ = phase;
}

void Watchdog::leave() {
  if (state_) state_->update(collective_, false, phase_);
  phase_ = nullptr;
}

std::string Watchdog::blame() const {
  return fmt::format("rank {} on {} has waited {:g} s in collective {} ({}): {}", place_.rank,
                     place_.host, timeout_seconds_, collective_.load(),
                     phase_.load() == nullptr ? "left meanwhile" : phase_.load(),
                     describe_late_ranks(folder_, place_, collective_));
}

void Watchdog::run() {
  using Clock = std::chrono::steady_clock;
  int64_t watched = 0;
  double waited = 0;
  auto before = Clock::now();
  while (!stop_) {
    std::this_thread::sleep_for(kPollInterval);
    const auto now = Clock::now();
    // A process that was stopped and continued (SIGSTOP, suspended job) sees one long interval;
    // it counts as one ordinary one, for all ranks were stopped alike.
    const double interval = std::chrono::duration<double>(now - before).count();
    before = now;
    if (phase_.load() == nullptr || collective_ != watched) {
      watched = collective_;
      waited = 0;
      continue;
    }
    waited += std::min(interval, 4 * std::chrono::duration<double>(kPollInterval).count());
    if (waited < timeout_seconds_) continue;
    // Lower ranks speak first; the first to end takes the others with it.
    std::this_thread::sleep_for(std::chrono::milliseconds(20) * std::min(place_.rank, 50));
    if (!stop_ && phase_.load() != nullptr && collective_ == watched) on_expired_(blame());
    waited = 0;
  }
}

}  // namespace lockstep
