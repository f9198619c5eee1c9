#include "trainer/comm/gpu_claims.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "data/base/error.h"

namespace lockstep {
namespace {

/// Empty, or the sentence that names two ranks with the same claim.
std::string find_collision(const std::vector<std::pair<std::string, std::string>>& host_and_bus) {
  std::map<std::pair<std::string, std::string>, size_t> owner;
  for (size_t rank = 0; rank < host_and_bus.size(); ++rank) {
    const auto [first, is_new] = owner.emplace(host_and_bus[rank], rank);
    if (!is_new) {
      return fmt::format("ranks {} and {} on {} would share the GPU at {}", first->second, rank,
                         host_and_bus[rank].first, host_and_bus[rank].second);
    }
  }
  return {};
}

}  // namespace

GpuAssignment assign_gpus(const std::vector<GpuReport>& report_of_rank) {
  GpuAssignment assignment;
  std::vector<std::pair<std::string, std::string>> claims;
  for (size_t rank = 0; rank < report_of_rank.size(); ++rank) {
    const GpuReport& report = report_of_rank[rank];
    const size_t visible = report.bus_ids.size();
    const size_t device = visible == 1 ? 0 : static_cast<size_t>(report.local_rank);
    if (device >= visible) {
      return {{},
              fmt::format("rank {} on {} is number {} of its host, which shows {} GPU{}", rank,
                          report.host, report.local_rank, visible, visible == 1 ? "" : "s")};
    }
    claims.emplace_back(report.host, report.bus_ids[device]);
    assignment.device_of_rank.push_back(static_cast<int>(device));
  }
  if (std::string collision = find_collision(claims); !collision.empty()) return {{}, collision};
  return assignment;
}

std::string to_text(const GpuReport& report) {
  return nlohmann::json{
      {"host", report.host}, {"local_rank", report.local_rank}, {"gpus", report.bus_ids}}
      .dump();
}

GpuReport gpu_report_from(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  return {json.at("host"), json.at("local_rank"), json.at("gpus")};
}

void require_distinct_gpus(Communicator& communicator, const std::string& bus_id) {
  const GpuReport own{communicator.place().host, communicator.place().local_rank, {bus_id}};
  std::vector<std::pair<std::string, std::string>> claims;
  for (const std::string& text : communicator.all_gather_bytes(to_text(own))) {
    const GpuReport report = gpu_report_from(text);
    claims.emplace_back(report.host, report.bus_ids.at(0));
  }
  if (std::string collision = find_collision(claims); !collision.empty()) {
    throw Error(ExitCode::device, collision,
                "start at most one rank per GPU, or choose GPUs with CUDA_VISIBLE_DEVICES");
  }
}

}  // namespace lockstep
