#include <chrono>
#include <map>
#include <memory>

#include "device.h"
#include "testing.h"

// Every allocation ends at a page that cannot be touched.
namespace device {
namespace {

std::map<void*, std::unique_ptr<testing::Aligned>>& blocks() {
  static std::map<void*, std::unique_ptr<testing::Aligned>> all;
  return all;
}

}  // namespace

void* allocate(int64_t bytes) {
  auto block = std::make_unique<testing::Aligned>(bytes);
  void* memory = block->p;
  blocks()[memory] = std::move(block);
  return memory;
}

void release(void* memory) { blocks().erase(memory); }

void upload(void* to, const void* from, int64_t bytes) { memcpy(to, from, static_cast<size_t>(bytes)); }

void download(void* to, const void* from, int64_t bytes) { memcpy(to, from, static_cast<size_t>(bytes)); }

void synchronize() {}

double milliseconds(const std::function<void()>& work) {
  auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

std::string name() { return "emulated"; }

bool emulated() { return true; }

}  // namespace device
