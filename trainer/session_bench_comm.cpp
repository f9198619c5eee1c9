// The session behind `lockstep bench comm`.
#include <algorithm>

#include "trainer/comm/launch_environment.h"
#include "trainer/session.h"

namespace lockstep {
namespace {

std::vector<size_t> sizes_of(const BenchCommRequest& request) {
  std::vector<size_t> sizes;
  for (auto bytes = static_cast<size_t>(request.smallest_bytes);
       bytes <= static_cast<size_t>(request.largest_bytes); bytes *= 4) {
    sizes.push_back(bytes);
  }
  if (request.smallest_bytes <= kRecipeGradientBytes &&
      kRecipeGradientBytes <= request.largest_bytes) {
    sizes.push_back(static_cast<size_t>(kRecipeGradientBytes));
  }
  std::sort(sizes.begin(), sizes.end());
  return sizes;
}

}  // namespace

std::vector<SumFigure> bench_comm(const BenchCommRequest& request, Communicator& host) {
  const std::vector<size_t> sizes = sizes_of(request);
  std::vector<float> ordinary(sizes.back() / sizeof(float));
  std::vector<SumFigure> figures;
  const auto measure = [&](Communicator& exchange, const std::string& transport, float* values) {
    for (SumFigure& figure :
         bench_sums(exchange, transport, sizes, values, request.seconds_per_size)) {
      figures.push_back(std::move(figure));
    }
  };
  if (float* shared = host.allocate(ordinary.size()); shared != nullptr) {
    measure(host, "shared memory", shared);
    measure(host, "shared memory, copied", ordinary.data());
  }
  CommunicatorOptions by_messages;
  by_messages.timeout_seconds = request.timeout_seconds;
  by_messages.shared_memory = false;
  const auto messages = make_host_communicator(request.environment, by_messages);
  measure(*messages, "MPI_Allreduce", ordinary.data());
  return figures;
}

}  // namespace lockstep
