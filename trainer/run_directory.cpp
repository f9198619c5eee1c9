#include "trainer/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "trainer/strict_json.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
constexpr const char* kLockName = "run.lock";
constexpr size_t kMaxOwnerBytes = 1 << 16;
constexpr size_t kBlock = 1024;
constexpr auto kPatience = std::chrono::seconds(2);

[[noreturn]] void refuse(const fs::path& folder, const std::string& reason,
                         const std::string& hint) {
  throw Error(ExitCode::run_directory, fmt::format("run folder {}: {}", folder.string(), reason),
              hint);
}

[[noreturn]] void refuse_by_system(const fs::path& folder, const std::string& action, int reason) {
  refuse(folder, fmt::format("cannot {}: {}", action, std::strerror(reason)),
         "set run.dir to a folder that you may write, with space left");
}

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

/// Field 22 of /proc/self/stat (proc(5)); the name in field 2 may hold spaces and brackets.
int64_t start_of_this_process() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(line.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) rest >> field;
  return std::atoll(field.c_str());
}

RunOwner this_process() {
  const char* job = std::getenv("SLURM_JOB_ID");
  return {.host = host_name(),
          .pid = ::getpid(),
          .process_start = start_of_this_process(),
          .job = job == nullptr ? "" : job,
          .started = utc_now()};
}

std::string to_json(const RunOwner& owner) {
  const Json json = {
      {"host", owner.host}, {"pid", owner.pid},         {"process_start", owner.process_start},
      {"job", owner.job},   {"started", owner.started}, {"incarnation", owner.incarnation}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string RunOwner::text() const {
  return fmt::format("process {} on {}{}, since {}", pid, host,
                     job.empty() ? "" : fmt::format(" (Slurm job {})", job), started);
}

bool RunOwner::is_this_process() const {
  return pid == ::getpid() && host == host_name() && process_start == start_of_this_process();
}

std::optional<RunOwner> read_run_owner(const fs::path& run_dir) {
  try {
    const fs::path path = run_dir / kLockName;
    const Json json = parse_strict_json(read_file(path, kMaxOwnerBytes), path.string(), 2);
    return RunOwner{.host = json.at("host"),
                    .pid = json.at("pid"),
                    .process_start = json.at("process_start"),
                    .job = json.at("job"),
                    .started = json.at("started"),
                    .incarnation = json.at("incarnation")};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

RunDirectory::RunDirectory(fs::path folder) : folder_(std::move(folder)) {
  std::error_code problem;
  std::error_code ignored;
  fs::create_directories(folder_, problem);
  if (!fs::is_directory(folder_, ignored)) {
    if (fs::exists(folder_, ignored)) refuse(folder_, "is a file", "set run.dir to a folder");
    refuse_by_system(folder_, "create it", problem.value());
  }
  try {
    take_lock();
    prove_writable();
    write_owner();
  } catch (...) {
    if (lock_ >= 0) ::close(lock_);
    throw;
  }
}

RunDirectory::~RunDirectory() {
  ::close(lock_);
}

void RunDirectory::take_lock() {
  const fs::path path = folder_ / kLockName;
  lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (lock_ < 0) refuse_by_system(folder_, "open run.lock", errno);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    // Some cluster file systems are mounted without locks; refusing them would refuse the cluster.
    if (errno != EWOULDBLOCK) return;
    if (std::chrono::steady_clock::now() > deadline) {
      const auto owner = read_run_owner(folder_);
      refuse(folder_, fmt::format("in use by {}", owner ? owner->text() : "another process"),
             "wait for that job or stop it, or set another run.dir");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  locked_ = true;
}

void RunDirectory::prove_writable() const {
  const fs::path probe = folder_ / fmt::format(".probe-{}", ::getpid());
  std::error_code ignored;
  fs::remove(probe, ignored);
  try {
    write_new_file(probe, "can this folder be written?\n");
  } catch (const Error& problem) {
    fs::remove(probe, ignored);
    refuse(folder_, fmt::format("not writable ({})", problem.what()),
           "set run.dir to a folder that you may write, with space left");
  }
  fs::remove(probe, ignored);
}

void RunDirectory::write_owner() {
  RunOwner owner = this_process();
  const auto before = read_run_owner(folder_);
  if (before && before->incarnation > 0) incarnation_ = before->incarnation + 1;
  owner.incarnation = incarnation_;
  // In place: the lock hangs on this very file, so it must not be replaced by a rename. One write
  // of a whole block, so that no end of an older, longer text stays behind.
  std::string text = to_json(owner);
  text.resize((text.size() / kBlock + 1) * kBlock, ' ');
  const bool written =
      ::pwrite(lock_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
      ::ftruncate(lock_, static_cast<off_t>(text.size())) == 0 && ::fsync(lock_) == 0;
  if (!written) refuse_by_system(folder_, "write run.lock", errno);
}

void require_same_config(const fs::path& run_dir, const std::map<std::string, std::string>& saved,
                         const std::map<std::string, std::string>& now,
                         const std::set<std::string>& may_change) {
  std::string differences;
  for (const auto& [path, old_value] : saved) {
    if (may_change.contains(path)) continue;
    const auto current = now.find(path);
    if (current != now.end() && current->second == old_value) continue;
    differences += fmt::format("\n  {}: {} there, {} now", path, old_value,
                               current == now.end() ? "unknown to this version" : current->second);
  }
  if (differences.empty()) return;
  throw Error(
      ExitCode::config,
      fmt::format("run folder {} belongs to another configuration:{}", run_dir.string(),
                  differences),
      "put these values back, or set run.dir to a new folder; weights can be taken over with "
      "init_from");
}

}  // namespace lockstep
