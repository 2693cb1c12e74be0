// Threads for what may block for long: fsync, cold reads, slow storage.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace nineroot {

/// Runs jobs on a fixed number of threads, in the order of submission.  The destructor waits for
/// running jobs and destroys those that have not begun.  Callers bound what they submit.
class WorkerPool {
 public:
  using Job = std::move_only_function<void()>;

  explicit WorkerPool(unsigned threads) { start(threads); }
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Adds threads; jobs that were submitted before wait for them.
  void start(unsigned threads);

  /// Jobs that nobody has begun yet.
  [[nodiscard]] std::size_t waiting();

  /// Waits until every job that was submitted has ended; false if that is not so at `deadline`.
  /// Never from a job.
  [[nodiscard]] bool wait_until_idle(std::chrono::steady_clock::time_point deadline);

  /// From any thread; never blocks on the jobs.
  void submit(Job job);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<Job> jobs_;
  std::size_t running_ = 0;
  bool is_stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace nineroot
