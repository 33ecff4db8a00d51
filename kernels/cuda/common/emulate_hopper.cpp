#include "emulate_hopper.h"

#include <memory>
#include <vector>

#include "narrow.cuh"

namespace ondol::cuda::emulate {
namespace {

// ---- barriers -----------------------------------------------------------------------------------------------------

struct BarrierState {
  uint16_t phase;     // parity of the current phase
  uint8_t expected;   // arrivals of a phase
  uint8_t arrivals;   // still missing in this one
  int32_t bytes;      // still missing in this one
};
static_assert(sizeof(BarrierState) == sizeof(uint64_t), "a barrier has eight bytes");

BarrierState load(const uint64_t* barrier) {
  BarrierState state;
  std::memcpy(&state, barrier, sizeof state);
  return state;
}

void store(uint64_t* barrier, BarrierState state) {
  if (state.arrivals == 0 && state.bytes == 0) {
    state.phase ^= 1;
    state.arrivals = state.expected;
  }
  std::memcpy(barrier, &state, sizeof state);
}

struct NamedBarrier {
  int arrived = 0;
  uint64_t generation = 0;
};

// ---- products -----------------------------------------------------------------------------------------------------

constexpr int GROUP = 128;  // threads of a warpgroup
constexpr int DEPTH = 16;

// A copy out of shared memory, whose source is read some time before its target is written.
struct BulkStore {
  bool read = false, done = false;
};

using BulkGroup = std::vector<std::shared_ptr<BulkStore>>;

struct Thread {
  BulkGroup open_stores;
  std::vector<BulkGroup> stores;
  std::vector<Product> open;
  std::vector<std::vector<Product>> groups;
  const uint32_t* a_registers = nullptr;  // shown to the other threads of the warp
};

uint64_t computed = 0;

// Of a block that is under way.
struct Units {
  uint64_t block = 0;
  NamedBarrier named[16];
  Thread threads[1024];
};

// Begins anew with every block.
Units& units() {
  static Units all[MOST_RESIDENT];
  Units& own = all[block_slot()];
  if (own.block == block_number()) return own;
  own.block = block_number();
  for (NamedBarrier& barrier : own.named) barrier = NamedBarrier();
  for (Thread& thread : own.threads) {
    if (!thread.open_stores.empty()) broken("an earlier block left a copy without a group");
    thread.stores.clear();
    if (!thread.open.empty() || !thread.groups.empty()) broken("an earlier block never waited for a product");
  }
  return own;
}

Thread& self() { return units().threads[threadIdx.x]; }

float to_float(uint16_t bits, bool bfloat16) {
  return bfloat16 ? from_bfloat16(bits) : from_float16(bits);
}

// A swizzle of 32, 64 or 128 bytes: the 16-byte chunk within a line of that length is exchanged by the number of the
// 128 bytes that it is in.
uint32_t swizzled(uint32_t address, uint32_t span) { return address ^ ((address >> 7 & (span / 16 - 1)) << 4); }

// A matrix in shared memory, by its descriptor, in the terms of the PTX manual. Along the depth: in lines of 64
// elements with the 128-byte swizzle, eight lines to an atom. Across it (the rows of A or the columns of B contiguous):
// lines of `span` bytes, eight depths to an atom; with a swizzle `leading` is from one line's width to the next and
// `stride` from eight depths to the next, without one (span 16) they are the other way round.
struct Matrix {
  uint32_t start, leading, stride, span;
  bool columns;

  Matrix(uint64_t descriptor, bool is_columns) : columns(is_columns) {
    constexpr uint32_t SPANS[] = {16, 128, 64, 32};
    start = static_cast<uint32_t>(descriptor & 0x3FFF) << 4;
    leading = static_cast<uint32_t>(descriptor >> 16 & 0x3FFF) << 4;
    stride = static_cast<uint32_t>(descriptor >> 32 & 0x3FFF) << 4;
    span = SPANS[descriptor >> 62];
    if ((descriptor >> 49 & 7) != 0) broken("a matrix descriptor with a base offset");
    if ((descriptor & 0x3FF1C000C000C000) != 0) broken("a matrix descriptor with bits between its fields");
    if (!columns && span != 128) broken("a matrix along the depth without the 128-byte swizzle");
    uint32_t atom = 8 * span;
    if (span == 16) return;
    if (stride % atom != 0 || (columns && leading % atom != 0)) broken("a matrix of broken swizzle atoms");
    if (start % atom >= (columns ? 1u : span)) broken("a matrix that begins inside a swizzle atom");
  }

  uint16_t element(uint32_t address) const {
    uint16_t bits;
    std::memcpy(&bits, shared_at(swizzled(address, span), sizeof bits), sizeof bits);
    return bits;
  }

  uint16_t at(int across, int depth) const {
    uint32_t x = static_cast<uint32_t>(across), k = static_cast<uint32_t>(depth);
    if (!columns) return element(start + x / 8 * stride + x % 8 * 128 + k * 2);
    uint32_t next_line = span == 16 ? stride : leading;
    uint32_t next_atom = span == 16 ? leading : stride;
    uint32_t width = span / 2;
    return element(start + x / width * next_line + x % width * 2 + k / 8 * next_atom + k % 8 * span);
  }
};

// The thread's two rows of A: from shared memory, or from the registers of the four threads that share them.
void rows_of_a(const Product& p, float (&rows)[2][DEPTH]) {
  int thread = static_cast<int>(threadIdx.x);
  int lane = thread % 32;
  int first_row = thread % GROUP / 32 * 16 + lane / 4;
  if (p.a_registers == nullptr) {
    Matrix a(p.a, p.a_columns);
    for (int k = 0; k < DEPTH; ++k) {
      for (int r = 0; r < 2; ++r) rows[r][k] = to_float(a.at(first_row + 8 * r, k), p.bfloat16);
    }
    return;
  }
  const Thread* all = units().threads;
  for (int k = 0; k < DEPTH; ++k) {
    const uint32_t* registers = all[thread / 4 * 4 + k % 8 / 2].a_registers;
    for (int r = 0; r < 2; ++r) {
      uint32_t pair = registers[k / 8 * 2 + r];
      rows[r][k] = to_float(static_cast<uint16_t>(pair >> k % 2 * 16), p.bfloat16);
    }
  }
}

void compute(const Product& p) {
  float rows[2][DEPTH];
  rows_of_a(p, rows);
  Matrix b(p.b, p.b_columns);
  int column = static_cast<int>(threadIdx.x) % 4 * 2;
  for (int i = 0; i < p.n / 4; ++i) {
    float* d = p.d + i / 2 * 4 + i % 2;  // of both rows: d[0], d[2]
    double sums[2] = {0, 0};
    for (int r = 0; r < 2 && p.accumulate; ++r) sums[r] = static_cast<double>(d[2 * r]);
    for (int k = 0; k < DEPTH; ++k) {
      auto value = static_cast<double>(to_float(b.at(i / 2 * 8 + column + i % 2, k), p.bfloat16));
      for (int r = 0; r < 2; ++r) sums[r] += static_cast<double>(rows[r][k]) * value;
    }
    for (int r = 0; r < 2; ++r) d[2 * r] = static_cast<float>(sums[r]);
  }
}

// ---- copies -------------------------------------------------------------------------------------------------------

// A box of a tensor and where its lines lie in shared memory.
struct Box {
  TensorMap map;
  unsigned char* memory;
  uint32_t span;  // bytes of a line
  int64_t lines, begin[5];

  Box(const TensorMap& tensor, const void* target, const int (&at)[5]) : map(tensor) {
    uint32_t first = shared_address(target);
    span = static_cast<uint32_t>(2 * map.box[0]);
    lines = map.box[1] * map.box[2] * map.box[3] * map.box[4];
    if (span != 16 && span != 32 && span != 64 && span != 128) broken("a box whose lines have no swizzle");
    if (first % (span == 16 ? 128 : 8 * span) != 0) broken("a copied box that the swizzle does not fit");
    if (reinterpret_cast<uintptr_t>(map.base) % 16 != 0) broken("a tensor that begins at no multiple of 16 bytes");
    for (int d = 0; d < 5; ++d) {
      begin[d] = at[d];
      if (map.box[d] < 1 || map.box[d] > 256) broken("a box of more than 256 in a dimension");
      if (d > 0 && map.stride[d] % 16 != 0) broken("a tensor whose strides are no multiples of 16 bytes");
    }
    memory = shared_at(first, bytes());
  }

  size_t bytes() const { return static_cast<size_t>(lines) * span; }

  // visit(element in shared memory, element of the tensor or null where there is none)
  template <class Visit>
  void each(const Visit& visit) const {
    for (int64_t line = 0; line < lines; ++line) {
      int64_t rest = line;
      bool inside = true;
      int64_t offset = 0;
      for (int d = 1; d < 5; ++d) {
        int64_t index = begin[d] + rest % map.box[d];
        rest /= map.box[d];
        inside = inside && index >= 0 && index < map.size[d];
        offset += index * map.stride[d];
      }
      for (int64_t x = 0; x < map.box[0]; ++x) {
        int64_t index = begin[0] + x;
        bool there = inside && index >= 0 && index < map.size[0];
        // The swizzle is one of addresses; the box begins where it begins.
        uint32_t at = swizzled(static_cast<uint32_t>(line) * span + static_cast<uint32_t>(x * 2), span);
        visit(memory + at, there ? const_cast<unsigned char*>(map.base) + offset + index * 2 : nullptr);
      }
    }
  }
};

void check_bulk(const void* shared, const void* global, int bytes) {
  uintptr_t places = shared_address(shared) | reinterpret_cast<uintptr_t>(global);
  if (places % 16 != 0 || bytes % 16 != 0 || bytes <= 0) broken("a bulk copy of no whole 16 bytes");
}

void begin_copy(const Box& box, uint64_t* barrier) {
  std::memset(box.memory, 0xFF, box.bytes());
  later([=] {
    box.each([](unsigned char* shared, unsigned char* global) {
      uint16_t bits = 0;
      if (global != nullptr) std::memcpy(&bits, global, 2);
      std::memcpy(shared, &bits, 2);
    });
    BarrierState state = load(barrier);
    state.bytes -= static_cast<int32_t>(box.bytes());
    store(barrier, state);
  });
}

int device_capability = 90;
int device_processors = 2;

}  // namespace

int capability() { return device_capability; }

void set_capability(int value) { device_capability = value; }

int processors() { return device_processors; }

void set_processors(int count) { device_processors = count; }

void barrier_init(uint64_t* barrier, int arrivals) {
  BarrierState state{0, static_cast<uint8_t>(arrivals), static_cast<uint8_t>(arrivals), 0};
  std::memcpy(barrier, &state, sizeof state);
}

void barrier_arrive(uint64_t* barrier, uint32_t bytes) {
  BarrierState state = load(barrier);
  if (state.arrivals == 0) broken("arrives once too often at a barrier");
  state.arrivals--;
  state.bytes += static_cast<int32_t>(bytes);
  store(barrier, state);
}

void barrier_wait(const uint64_t* barrier, int parity) {
  wait_until([=] { return load(barrier).phase != parity; });
}

void named_barrier(int id, int count, bool waits) {
  NamedBarrier& barrier = units().named[id];
  uint64_t generation = barrier.generation;
  if (++barrier.arrived == count) {
    barrier.arrived = 0;
    barrier.generation++;
  }
  if (waits) wait_until([&] { return barrier.generation != generation; });
}

void tensor_copy(const TensorMap& map, uint64_t* barrier, void* target, const int (&at)[5]) {
  begin_copy(Box(map, target, at), barrier);
}

void tensor_copy_to_all(const TensorMap& map, uint64_t* barrier, void* target, const int (&at)[5], int blocks) {
  for (int block = 0; block < blocks; ++block) {
    Box box(map, target, at);
    box.memory = static_cast<unsigned char*>(shared_of(block, target));
    begin_copy(box, static_cast<uint64_t*>(shared_of(block, barrier)));
  }
}

// `read` and `write` happen one after the other, in nobody's thread.
void begin_store(std::function<void()> read, std::function<void()> write) {
  auto copy = std::make_shared<BulkStore>();
  self().open_stores.push_back(copy);
  later([=] {
    read();
    copy->read = true;
    later(
        [=] {
          write();
          copy->done = true;
        },
        true);
  });
}

void tensor_store(const TensorMap& map, const void* source, const int (&at)[5]) {
  Box box(map, source, at);
  auto data = std::make_shared<std::vector<uint16_t>>();
  begin_store(
      [=] {
        box.each([&](const unsigned char* shared, unsigned char*) {
          data->emplace_back();
          std::memcpy(&data->back(), shared, 2);
        });
      },
      [=] {
        size_t i = 0;
        box.each([&](const unsigned char*, unsigned char* global) {
          if (global != nullptr) std::memcpy(global, &(*data)[i], 2);
          i++;
        });
      });
}

void bulk_load(uint64_t* barrier, void* target, const void* source, int bytes) {
  check_bulk(target, source, bytes);
  auto size = static_cast<size_t>(bytes);
  uint32_t first = shared_address(target);
  std::memset(shared_at(first, size), 0xFF, size);
  later([=] {
    std::memcpy(shared_at(first, size), source, size);
    BarrierState state = load(barrier);
    state.bytes -= bytes;
    store(barrier, state);
  });
}

void bulk_store(void* target, const void* source, int bytes, bool add) {
  check_bulk(source, target, bytes);
  auto size = static_cast<size_t>(bytes);
  uint32_t first = shared_address(source);
  auto data = std::make_shared<std::vector<float>>(size / sizeof(float));
  begin_store([=] { std::memcpy(data->data(), shared_at(first, size), size); },
              [=] {
                auto to = static_cast<float*>(target);
                for (float x : *data) {
                  *to = add ? *to + x : x;
                  ++to;
                }
              });
}

void bulk_commit() {
  Thread& thread = self();
  thread.stores.push_back(std::move(thread.open_stores));
  thread.open_stores.clear();
}

void bulk_wait(int pending, bool reads_only) {
  const std::vector<BulkGroup>& stores = self().stores;
  wait_until([&] {
    for (size_t group = 0; group + static_cast<size_t>(pending) < stores.size(); ++group) {
      for (const auto& copy : stores[group]) {
        if (!(reads_only ? copy->read : copy->done)) return false;
      }
    }
    return true;
  });
}

void product(const Product& product) { self().open.push_back(product); }

void product_commit() {
  Thread& thread = self();
  thread.groups.push_back(std::move(thread.open));
  thread.open.clear();
}

void product_wait(int pending) {
  Thread& thread = self();
  while (static_cast<int>(thread.groups.size()) > pending) {
    for (const Product& p : thread.groups.front()) {
      thread.a_registers = p.a_registers;
      __syncwarp();
      compute(p);
      computed++;
      __syncwarp();
    }
    thread.groups.erase(thread.groups.begin());
  }
  __syncwarp();
}

uint64_t products_computed() { return computed; }

}  // namespace ondol::cuda::emulate
