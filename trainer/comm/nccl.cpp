// Ranks with one GPU each: gradients go through NCCL, everything else through the host backend.
#include <cuda_runtime_api.h>
#include <nccl.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "data/base/error.h"
#include "trainer/comm/bfloat16_cuda.h"
#include "trainer/comm/gpu_claims.h"
#include "trainer/comm/launch_environment.h"
#include "trainer/comm/tree_add_cuda.h"
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
  template <class T>
  T* get(size_t count) {
    if (count * sizeof(T) > bytes_) {
      cudaFree(memory_);
      memory_ = nullptr;
      check(cudaMalloc(&memory_, count * sizeof(T)), "cudaMalloc");
      bytes_ = count * sizeof(T);
    }
    return static_cast<T*>(memory_);
  }

 private:
  void* memory_ = nullptr;
  size_t bytes_ = 0;
};

class NcclCommunicator : public Communicator {
 public:
  NcclCommunicator(Communicator& host, int device, const CommunicatorOptions& options)
      : host_(host), watchdog_(host.place(), options.timeout_seconds, options.on_timeout) {
    check(cudaSetDevice(device), "cudaSetDevice");
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    for (cudaEvent_t* event : {&computed_, &summed_}) {
      check(cudaEventCreateWithFlags(event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    }
    require_distinct_gpus(host, bus_id_of(device));
    const ncclUniqueId id = shared_unique_id(host);
    Watchdog::Watch watch(watchdog_, "NCCL start");
    check(ncclCommInitRank(&nccl_, host.world_size(), id, host.rank()), "ncclCommInitRank");
  }

  // No collective here: ncclCommDestroy may wait for peers that are gone.
  ~NcclCommunicator() override {
    ncclCommAbort(nccl_);
    cudaEventDestroy(computed_);
    cudaEventDestroy(summed_);
    cudaStreamDestroy(stream_);
  }

  const Place& place() const override { return host_.place(); }
  std::string name() const override { return "nccl"; }

  float* allocate(size_t) override { return nullptr; }

  void sum(const SumRequest& request) override {
    start_sum(request);
    complete_sums();
  }

  /// On a stream of its own, behind what is computed so far; the compute stream goes on.
  void start_sum(const SumRequest& request) override {
    check(cudaEventRecord(computed_, kComputeStream), "cudaEventRecord");
    check(cudaStreamWaitEvent(stream_, computed_, 0), "cudaStreamWaitEvent");
    if (request.wire == WireType::bfloat16) {
      sum_as_bfloat16(request);
    } else if (!request.kept.empty()) {
      reduce_scatter(request);
    } else if (request.order == SumOrder::fastest) {
      check(ncclAllReduce(request.values, request.values, request.count, ncclFloat, ncclSum, nccl_,
                          stream_),
            "ncclAllReduce");
    } else {
      sum_in_tree_order(request.values, equal_slices(request.count, world_size()), true);
    }
  }

  void complete_sums() override {
    Watchdog::Watch watch(watchdog_, "sum");
    wait("sum");
    check(cudaEventRecord(summed_, stream_), "cudaEventRecord");
    check(cudaStreamWaitEvent(kComputeStream, summed_, 0), "cudaStreamWaitEvent");
  }

  void all_gather(float* values, const std::vector<Span>& kept) override {
    Watchdog::Watch watch(watchdog_, "all-gather of parameters");
    check(cudaEventRecord(computed_, kComputeStream), "cudaEventRecord");
    check(cudaStreamWaitEvent(stream_, computed_, 0), "cudaStreamWaitEvent");
    check(ncclGroupStart(), "ncclGroupStart");
    for (int root = 0; root < world_size(); ++root) {
      const Span& part = kept[static_cast<size_t>(root)];
      if (part.size() == 0) continue;
      check(ncclBroadcast(values + part.begin, values + part.begin, part.size(), ncclFloat, root,
                          nccl_, stream_),
            "ncclBroadcast");
    }
    check(ncclGroupEnd(), "ncclGroupEnd");
    complete_sums();
  }

  void broadcast(float* values, size_t count, int root) override {
    Watchdog::Watch watch(watchdog_, "broadcast");
    check(ncclBroadcast(values, values, count, ncclFloat, root, nccl_, kComputeStream),
          "ncclBroadcast");
    check(cudaStreamSynchronize(kComputeStream), "cudaStreamSynchronize");
  }

  std::vector<std::string> all_gather_bytes(const std::string& bytes) override {
    return host_.all_gather_bytes(bytes);
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
  /// LibTorch computes on the legacy default stream.
  static constexpr cudaStream_t kComputeStream = nullptr;

  void reduce_scatter(const SumRequest& request) {
    if (request.order == SumOrder::tree) {
      sum_in_tree_order(request.values, request.kept, false);
      return;
    }
    check(ncclGroupStart(), "ncclGroupStart");
    for (int root = 0; root < world_size(); ++root) {
      const Span& part = request.kept[static_cast<size_t>(root)];
      if (part.size() == 0) continue;
      float* values = request.values + part.begin;
      check(ncclReduce(values, values, part.size(), ncclFloat, ncclSum, root, nccl_, stream_),
            "ncclReduce");
    }
    check(ncclGroupEnd(), "ncclGroupEnd");
  }

  /// Slices to their owners, added there in tree order, and gathered if wanted.
  void sum_in_tree_order(float* values, const std::vector<Span>& slices, bool gather) {
    const Span own = slices[static_cast<size_t>(rank())];
    float* received = scratch_.get<float>(own.size() * static_cast<size_t>(world_size()));
    to_owners(values, received, slices, own);
    add_in_tree_order_on_gpu(received, own.size(), world_size(), stream_);
    if (gather) {
      from_owners(received, values, slices, own);
    } else {
      copy(received, values + own.begin, own.size());
    }
  }

  /// As sum_by_messages_as_bfloat16 (mpi_calls.h) does it.
  void sum_as_bfloat16(const SumRequest& request) {
    const bool gather = request.kept.empty();
    const std::vector<Span> slices =
        gather ? equal_slices(request.count, world_size()) : request.kept;
    const Span own = slices[static_cast<size_t>(rank())];
    const size_t end = slices.back().end;
    const size_t parts_size = own.size() * static_cast<size_t>(world_size());
    float* parts = scratch_.get<float>(parts_size);
    uint16_t* sent = sent_.get<uint16_t>(end);
    uint16_t* received = received_.get<uint16_t>(std::max(end, parts_size));
    narrow_to_bfloat16_on_gpu(request.values, sent, end, stream_);
    to_owners(sent, received, slices, own);
    widen_from_bfloat16_on_gpu(received, parts, parts_size, stream_);
    copy(request.values + own.begin, parts + static_cast<size_t>(rank()) * own.size(), own.size());
    add_in_tree_order_on_gpu(parts, own.size(), world_size(), stream_);
    if (!gather) {
      copy(parts, request.values + own.begin, own.size());
      return;
    }
    narrow_to_bfloat16_on_gpu(parts, sent, own.size(), stream_);
    from_owners(sent, received, slices, own);
    widen_from_bfloat16_on_gpu(received, request.values, end, stream_);
  }

  /// Slice r of everybody's values goes to rank r, who gets them one behind the other as `parts`.
  template <class T>
  void to_owners(const T* values, T* parts, const std::vector<Span>& slices, Span own) {
    check(ncclGroupStart(), "ncclGroupStart");
    for (int peer = 0; peer < world_size(); ++peer) {
      const Span& slice = slices[static_cast<size_t>(peer)];
      send(values + slice.begin, slice.size(), peer);
      receive(parts + static_cast<size_t>(peer) * own.size(), own.size(), peer);
    }
    check(ncclGroupEnd(), "ncclGroupEnd");
  }

  /// The reverse: everybody gets every owner's slice.
  template <class T>
  void from_owners(const T* own_values, T* values, const std::vector<Span>& slices, Span own) {
    check(ncclGroupStart(), "ncclGroupStart");
    for (int peer = 0; peer < world_size(); ++peer) {
      const Span& slice = slices[static_cast<size_t>(peer)];
      send(own_values, own.size(), peer);
      receive(values + slice.begin, slice.size(), peer);
    }
    check(ncclGroupEnd(), "ncclGroupEnd");
  }

  static constexpr ncclDataType_t type_of(const float*) { return ncclFloat; }
  static constexpr ncclDataType_t type_of(const uint16_t*) { return ncclBfloat16; }

  template <class T>
  void send(const T* values, size_t count, int peer) {
    if (count == 0) return;
    check(ncclSend(values, count, type_of(values), peer, nccl_, stream_), "ncclSend");
  }
  template <class T>
  void receive(T* values, size_t count, int peer) {
    if (count == 0) return;
    check(ncclRecv(values, count, type_of(values), peer, nccl_, stream_), "ncclRecv");
  }
  void copy(const float* from, float* to, size_t count) {
    check(cudaMemcpyAsync(to, from, count * sizeof(float), cudaMemcpyDeviceToDevice, stream_),
          "cudaMemcpyAsync");
  }

  /// Waits for the stream and looks for errors of peers meanwhile; the watchdog keeps the deadline.
  void wait(const char* call) {
    for (;;) {
      const cudaError_t state = cudaStreamQuery(stream_);
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
  cudaStream_t stream_ = nullptr;
  cudaEvent_t computed_ = nullptr;
  cudaEvent_t summed_ = nullptr;
  DeviceScratch scratch_, sent_, received_;
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(Communicator& host, int cuda_device,
                                                     const CommunicatorOptions& options) {
  return std::make_unique<NcclCommunicator>(host, cuda_device, options);
}

}  // namespace lockstep
