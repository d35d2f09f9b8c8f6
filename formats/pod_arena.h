// A growing array of plain values. Unlike std::vector it grows by realloc, which moves large
// blocks by remapping their pages: no moment at which the old and the new copy both exist, so
// peak memory follows what is stored.
#pragma once

#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace unbrine {

template <class Value>
class PodArena {
  static_assert(std::is_trivially_copyable_v<Value>);

 public:
  PodArena() = default;
  PodArena(PodArena&& other) noexcept { swap(other); }
  PodArena& operator=(PodArena&& other) noexcept {
    swap(other);
    return *this;
  }
  ~PodArena() { std::free(values_); }

  size_t size() const { return size_; }
  const Value& operator[](size_t index) const { return values_[index]; }
  Value& operator[](size_t index) { return values_[index]; }
  const Value* data() const { return values_; }
  Value* data() { return values_; }
  Value& back() { return values_[size_ - 1]; }
  void pop_back() { --size_; }
  void resize_down(size_t size) { size_ = size; }

  void push_back(const Value& value) {
    const Value copy = value;  // may lie inside this array
    if (size_ == capacity_) grow(size_ + 1);
    values_[size_++] = copy;
  }

  // `first` must not point into this array.
  void append(const Value* first, size_t count) {
    if (count > capacity_ - size_) grow(size_ + count);
    if (count != 0) std::memcpy(values_ + size_, first, count * sizeof(Value));
    size_ += count;
  }

 private:
  void swap(PodArena& other) {
    std::swap(values_, other.values_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  [[gnu::noinline]] void grow(size_t needed) {
    size_t capacity = capacity_ + capacity_ / 2 + 16;
    if (capacity < needed) capacity = needed;
    void* moved = std::realloc(values_, capacity * sizeof(Value));
    if (moved == nullptr) throw std::bad_alloc();
    values_ = static_cast<Value*>(moved);
    capacity_ = capacity;
  }

  Value* values_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace unbrine
