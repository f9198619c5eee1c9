#include "launcher/last_error.h"

#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "data/base/atomic_file.h"

namespace lockstep {
namespace {

constexpr size_t kMaxBytes = 1 << 20;

std::filesystem::path file_in(const std::filesystem::path& run_dir) {
  return run_dir / "last_error.json";
}

}  // namespace

void write_last_error(const std::filesystem::path& run_dir, LastError error) noexcept {
  try {
    if (!std::filesystem::is_directory(run_dir)) return;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const nlohmann::json json = {
        {"rank", error.rank},
        {"host", error.host},
        {"exit_code", static_cast<int>(error.code)},
        {"meaning", std::string(describe(error.code))},
        {"message", error.message},
        {"written", fmt::format("{:.6f}, process {}", std::chrono::duration<double>(now).count(),
                                ::getpid())}};
    write_file_atomically(
        file_in(run_dir),
        json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  } catch (const std::exception&) {
  }
}

std::optional<LastError> read_last_error(const std::filesystem::path& run_dir) {
  try {
    const auto json = nlohmann::json::parse(read_file(file_in(run_dir), kMaxBytes));
    return LastError{json.at("rank"), json.at("host"), static_cast<ExitCode>(json.at("exit_code")),
                     json.at("message"), json.at("written")};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace lockstep
