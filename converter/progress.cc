#include "converter/progress.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "formats/text.h"

namespace unbrine {
namespace {

constexpr double kFirstPrint = 0.3;  // seconds after the start
constexpr double kInterval = 0.1;    // seconds
constexpr std::string_view kClear = "\r\x1b[K";

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void print_to_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

std::string two_digits(uint64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

// "0:03", "12:00", "1:02:03". A guess beyond a hundred hours is cut.
std::string duration_text(double duration) {
  const auto seconds = static_cast<uint64_t>(std::lround(std::min(duration, 359'999.0)));
  const std::string tail = two_digits(seconds % 60);
  if (seconds < 3600) return std::to_string(seconds / 60) + ":" + tail;
  return std::to_string(seconds / 3600) + ":" + two_digits(seconds / 60 % 60) + ":" + tail;
}

}  // namespace

ProgressLine::ProgressLine(std::string_view label, uint64_t total_bytes, bool enabled)
    : ProgressLine(label, total_bytes, enabled, steady_seconds, print_to_stderr) {}

ProgressLine::ProgressLine(std::string_view label, uint64_t total_bytes, bool enabled, Clock clock,
                           Print print)
    : label_(escaped(label)),
      total_bytes_(total_bytes),
      enabled_(enabled),
      clock_(std::move(clock)),
      print_(std::move(print)),
      start_(clock_()),
      next_print_(start_ + kFirstPrint) {}

ProgressLine::~ProgressLine() {
  if (shown_) print_(kClear);
}

void ProgressLine::update(uint64_t bytes_done) {
  if (!enabled_) return;
  const std::scoped_lock lock(mutex_);
  bytes_done_ = std::max(bytes_done_, bytes_done);
  const double now = clock_();
  if (now < next_print_) return;
  next_print_ = now + kInterval;
  shown_ = true;
  print_("\r" + line(now - start_) + "\x1b[K");
}

std::string ProgressLine::line(double elapsed) const {
  const double done = static_cast<double>(bytes_done_);
  const double total = static_cast<double>(total_bytes_);
  const double rate = done / elapsed;
  const auto percent = total_bytes_ == 0 ? 100 : static_cast<int>(100 * done / total);
  std::string text = label_ + "  " + std::to_string(percent) + " %  " +
                     human_bytes(static_cast<uint64_t>(rate)) + "/s";
  if (bytes_done_ != 0 && bytes_done_ <= total_bytes_)
    text += "  " + duration_text((total - done) / rate) + " left";
  return text;
}

bool terminal_wants_progress() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

}  // namespace unbrine
