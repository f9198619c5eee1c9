// Ranks with one GPU each: gradients go through NCCL, everything else through the host backend.
#include <cuda_runtime_api.h>
#include <nccl.h>

#include <cstring>
#include <map>

#include "data/base/error.h"
#include "trainer/comm/gpu_claims.h"
#include "trainer/comm/launch_environment.h"
#include "trainer/comm/tree_add_cuda.h"
#include "trainer/comm/tree_sum.h"
#include "trainer/comm/watchdog.h"

namespace lockstep {
namespace {

void check(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  throw Error(ExitCode::device, fmt::format("{} failed: {}", call, cudaGetErrorString(code)),
              "run `lockstep doctor`; nvidia-smi shows whether the GPU is healthy");
}

void check(ncclResult_t code, const char* call) {
  if (code == ncclSuccess || code == ncclInProgress) return;
  throw Error(ExitCode::peer_lost, fmt::format("{} failed: {}", call, ncclGetErrorString(code)),
              "set NCCL_DEBUG=INFO to see what NCCL tried");
}

std::string bus_id_of(int device) {
  char id[32] = {};
  check(cudaDeviceGetPCIBusId(id, sizeof id, device), "cudaDeviceGetPCIBusId");
  return id;
}

ncclUniqueId shared_unique_id(Communicator& host) {
  ncclUniqueId id{};
  if (host.is_root()) check(ncclGetUniqueId(&id), "ncclGetUniqueId");
  const std::string bytes = host.broadcast_bytes(std::string(id.internal, sizeof id.internal), 0);
  LOCKSTEP_CHECK(bytes.size() == sizeof id.internal, "NCCL id of {} bytes", bytes.size());
  std::memcpy(id.internal, bytes.data(), bytes.size());
  return id;
}

/// GPU memory that grows when it must.
class DeviceScratch {
 public:
  ~DeviceScratch() { cudaFree(memory_); }
  float* get(size_t count) {
    if (count > capacity_) {
      cudaFree(memory_);
      memory_ = nullptr;
      check(cudaMalloc(reinterpret_cast<void**>(&memory_), count * sizeof(float)), "cudaMalloc");
      capacity_ = count;
    }
    return memory_;
  }

 private:
  float* memory_ = nullptr;
  size_t capacity_ = 0;
};

class NcclCommunicator : public Communicator {
 public:
  NcclCommunicator(Communicator& host, int device, const CommunicatorOptions& options)
      : host_(host), watchdog_(host.place(), options.timeout_seconds, options.on_timeout) {
    check(cudaSetDevice(device), "cudaSetDevice");
    require_distinct_gpus(host, bus_id_of(device));
    const ncclUniqueId id = shared_unique_id(host);
    Watchdog::Watch watch(watchdog_, "NCCL start");
    check(ncclCommInitRank(&nccl_, host.world_size(), id, host.rank()), "ncclCommInitRank");
  }

  // No collective here: ncclCommDestroy may wait for peers that are gone.
  ~NcclCommunicator() override { ncclCommAbort(nccl_); }

  const Place& place() const override { return host_.place(); }
  std::string name() const override { return "nccl"; }

  void all_reduce_sum(float* values, size_t count) override {
    Watchdog::Watch watch(watchdog_, "all-reduce");
    check(ncclAllReduce(values, values, count, ncclFloat, ncclSum, nccl_, kStream),
          "ncclAllReduce");
    wait("ncclAllReduce");
  }

  void all_reduce_sum_in_tree_order(float* values, size_t count) override {
    Watchdog::Watch watch(watchdog_, "ordered all-reduce");
    const TreeSlices slices(count, world_size());
    const size_t own = static_cast<size_t>(slices.counts[static_cast<size_t>(rank())]);
    float* received = scratch_.get(own * static_cast<size_t>(world_size()));
    exchange_slices(values, slices, received, own);
    add_in_tree_order_on_gpu(received, own, world_size(), kStream);
    gather_slices(received, slices, values, own);
    wait("ordered all-reduce");
  }

  void broadcast(float* values, size_t count, int root) override {
    Watchdog::Watch watch(watchdog_, "broadcast");
    check(ncclBroadcast(values, values, count, ncclFloat, root, nccl_, kStream), "ncclBroadcast");
    wait("ncclBroadcast");
  }

  std::vector<std::string> all_gather(const std::string& bytes) override {
    return host_.all_gather(bytes);
  }
  std::string broadcast_bytes(const std::string& bytes, int root) override {
    return host_.broadcast_bytes(bytes, root);
  }
  void sum_on_all(std::vector<int64_t>& values) override { host_.sum_on_all(values); }
  void barrier() override { host_.barrier(); }
  void keep_rank_states_in(const std::filesystem::path& folder) override {
    host_.keep_rank_states_in(folder);
  }

 private:
  /// LibTorch computes on the legacy default stream, so NCCL's work is ordered with it there.
  static constexpr cudaStream_t kStream = nullptr;

  void exchange_slices(const float* values, const TreeSlices& slices, float* received, size_t own) {
    check(ncclGroupStart(), "ncclGroupStart");
    for (int peer = 0; peer < world_size(); ++peer) {
      const size_t p = static_cast<size_t>(peer);
      check(ncclSend(values + slices.offsets[p], static_cast<size_t>(slices.counts[p]), ncclFloat,
                     peer, nccl_, kStream),
            "ncclSend");
      check(ncclRecv(received + p * own, own, ncclFloat, peer, nccl_, kStream), "ncclRecv");
    }
    check(ncclGroupEnd(), "ncclGroupEnd");
  }

  void gather_slices(const float* sum, const TreeSlices& slices, float* values, size_t own) {
    check(ncclGroupStart(), "ncclGroupStart");
    for (int peer = 0; peer < world_size(); ++peer) {
      const size_t p = static_cast<size_t>(peer);
      check(ncclSend(sum, own, ncclFloat, peer, nccl_, kStream), "ncclSend");
      check(ncclRecv(values + slices.offsets[p], static_cast<size_t>(slices.counts[p]), ncclFloat,
                     peer, nccl_, kStream),
            "ncclRecv");
    }
    check(ncclGroupEnd(), "ncclGroupEnd");
  }

  /// Waits for the stream and looks for errors of peers meanwhile; the watchdog keeps the deadline.
  void wait(const char* call) {
    for (;;) {
      const cudaError_t state = cudaStreamQuery(kStream);
      if (state == cudaSuccess) return;
      if (state != cudaErrorNotReady) check(state, call);
      ncclResult_t peers = ncclSuccess;
      check(ncclCommGetAsyncError(nccl_, &peers), "ncclCommGetAsyncError");
      check(peers, call);
    }
  }

  Communicator& host_;
  Watchdog watchdog_;
  ncclComm_t nccl_ = nullptr;
  DeviceScratch scratch_;
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(Communicator& host, int cuda_device,
                                                     const CommunicatorOptions& options) {
  return std::make_unique<NcclCommunicator>(host, cuda_device, options);
}

}  // namespace lockstep
