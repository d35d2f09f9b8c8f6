// One line on the terminal that tells how far long work is, how fast it goes, and when it ends.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace unbrine {

// "weights.pt  42 %  1.23 GB/s  0:03 left", written over itself at most ten times a second and not
// at all for work of less than 0.3 s; gone when the object is.
class ProgressLine {
 public:
  using Clock = std::function<double()>;  // seconds since some moment
  using Print = std::function<void(std::string_view)>;

  ProgressLine(std::string_view label, uint64_t total_bytes, bool enabled);  // to stderr
  ProgressLine(std::string_view label, uint64_t total_bytes, bool enabled, Clock clock,
               Print print);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();

  // Thread-safe; counts may arrive out of order.
  void update(uint64_t bytes_done);

 private:
  std::string line(double elapsed) const;

  std::string label_;
  uint64_t total_bytes_;
  bool enabled_;
  Clock clock_;
  Print print_;
  double start_;
  std::mutex mutex_;  // guards what follows
  uint64_t bytes_done_ = 0;
  double next_print_;
  bool shown_ = false;
};

// Whether stderr is a terminal that understands such a line.
bool terminal_wants_progress();

}  // namespace unbrine
