// Pointers are told from numbers by looking them up among the heap's blocks, which operator new keeps a list of: a test
// then says nothing about its operands that the args struct does not say already.
#include "operands.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

#include "device.h"

namespace {

// The list must not be kept in the memory that it lists.
template <class T>
struct Malloc {
  using value_type = T;
  Malloc() = default;
  template <class U>
  Malloc(const Malloc<U>&) {}
  T* allocate(size_t n) { return static_cast<T*>(std::malloc(n * sizeof(T))); }
  void deallocate(T* p, size_t) { std::free(p); }
  bool operator==(const Malloc&) const { return true; }
  bool operator!=(const Malloc&) const { return false; }
};

template <class K, class V>
using Map = std::map<K, V, std::less<K>, Malloc<std::pair<const K, V>>>;

std::mutex& lock() {
  static std::mutex* mutex = new (std::malloc(sizeof(std::mutex))) std::mutex;
  return *mutex;
}

// Address and size. Never destroyed: memory is freed after main as well.
Map<uintptr_t, size_t>& heap() {
  using Heap = Map<uintptr_t, size_t>;
  static Heap* blocks = new (std::malloc(sizeof(Heap))) Heap;
  return *blocks;
}

void* add(size_t bytes) {
  void* p = std::malloc(bytes == 0 ? 1 : bytes);
  if (p == nullptr) std::abort();
  std::lock_guard<std::mutex> guard(lock());
  heap()[reinterpret_cast<uintptr_t>(p)] = bytes;
  return p;
}

void remove(void* p) {
  {
    std::lock_guard<std::mutex> guard(lock());
    heap().erase(reinterpret_cast<uintptr_t>(p));
  }
  std::free(p);
}

// The block that holds an address, its end included: an operand without elements may point there.
bool find(uintptr_t address, uintptr_t& begin, size_t& bytes) {
  std::lock_guard<std::mutex> guard(lock());
  auto after = heap().upper_bound(address);
  if (after == heap().begin()) return false;
  --after;
  begin = after->first;
  bytes = after->second;
  return address <= begin + bytes;
}

}  // namespace

void* operator new(size_t bytes) { return add(bytes); }
void operator delete(void* p) noexcept { remove(p); }
void operator delete(void* p, size_t) noexcept { remove(p); }

namespace testing {

void on_device(int64_t* words, int64_t count, const std::function<void()>& run) {
  struct Copy {
    void* memory;
    size_t bytes;
  };
  Map<uintptr_t, Copy> copies;
  for (int64_t i = 0; i < count; i++) {
    uintptr_t begin;
    size_t bytes;
    if (!find(static_cast<uintptr_t>(words[i]), begin, bytes)) continue;
    auto found = copies.find(begin);
    if (found == copies.end()) {
      void* memory = device::allocate(static_cast<int64_t>(bytes));
      device::upload(memory, reinterpret_cast<void*>(begin), static_cast<int64_t>(bytes));
      found = copies.insert({begin, {memory, bytes}}).first;
    }
    words[i] += static_cast<int64_t>(reinterpret_cast<uintptr_t>(found->second.memory) - begin);
  }
  run();
  device::synchronize();
  for (auto& [begin, copy] : copies) {
    device::download(reinterpret_cast<void*>(begin), copy.memory, static_cast<int64_t>(copy.bytes));
    device::release(copy.memory);
  }
}

}  // namespace testing
