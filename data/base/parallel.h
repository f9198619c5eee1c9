// Threads, and work in numbered parts for several of them.
#pragma once

#include <cstddef>
#include <functional>
#include <thread>

namespace lockstep {

/// Starts a thread that gets no signals: those belong to the main thread, which handles them.
std::thread start_without_signals(std::function<void()> function);

/// Processors that this process may use.
size_t usable_processors();

/// Calls work(0) to work(count - 1), each once, by as many threads as there are processors (the
/// calling one is one of them), and returns when all have ended. An exception does not stop the
/// other calls; that of the smallest number is thrown again at the end.
void for_each_in_parallel(size_t count, const std::function<void(size_t)>& work);

}  // namespace lockstep
