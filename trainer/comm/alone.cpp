#include "trainer/comm/alone.h"

#include <unistd.h>

#include <array>

namespace lockstep {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

}  // namespace

AloneCommunicator::AloneCommunicator() {
  place_.host = host_name();
}

std::unique_ptr<Communicator> make_alone_communicator() {
  return std::make_unique<AloneCommunicator>();
}

}  // namespace lockstep
