// Runs a transport on a thread of its own, as the server does, and ends it with the test.
#pragma once

#include <sys/eventfd.h>

#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "transport/transport.h"

namespace nineroot::test {

class TransportThread {
 public:
  explicit TransportThread(std::unique_ptr<transport::Transport> transport)
      : transport_(std::move(transport)), thread_([this] {
          const auto done = transport_->run(stop_.get());
          EXPECT_TRUE(done) << done.error().text();
        }) {}

  ~TransportThread() {
    stop();
    join();
  }

  void stop() { ::eventfd_write(stop_.get(), 1); }

  /// Waits until run() has returned.
  void join() {
    if (thread_.joinable()) {
      thread_.join();
    }
  }

 private:
  UniqueFd stop_{::eventfd(0, EFD_CLOEXEC)};
  std::unique_ptr<transport::Transport> transport_;
  std::jthread thread_;
};

}  // namespace nineroot::test
