#include "emulate_hopper.h"

#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

ondol::cuda::emulate::Index threadIdx, blockIdx, blockDim, gridDim;

namespace ondol::cuda::emulate {
namespace {

constexpr size_t STACK_BYTES = 64 * 1024;
constexpr size_t GUARD_BYTES = 256;
constexpr size_t SHARED_ALIGNMENT = 1024;
constexpr int WARP = 32;
constexpr int MOST_THREADS = 1024;

enum class State { READY, AT_BLOCK_BARRIER, AT_CLUSTER_BARRIER, AT_WARP_EXCHANGE, WAITING, DONE };

struct Copy {
  void* to;
  const void* from;
  int size, bytes;
  int64_t group;
};

struct Fiber {
  ucontext_t context;
  void* jump[5];         // where it waits
  bool started = false;
  std::unique_ptr<char[]> stack;
  State state = State::READY;
  uint32_t value = 0;    // offered to the warp
  int source = 0;        // the thread whose value is wanted
  uint32_t received = 0;
  const std::function<bool()>* ready = nullptr;  // what a waiting fiber waits for
  const uint32_t* words = nullptr;  // offered to the warp by collect
  int word_count = 0;
  std::vector<Copy> copies;  // asynchronous and still to be done
  int64_t group = 0;         // of copies that is being filled
};

struct PutOff {
  std::function<void()> work;
  bool may_outlive_block;
};

// One that is resident.
struct Block {
  bool live = false;
  unsigned index = 0;
  uint64_t number = 0;  // of all blocks that were run
  std::vector<Fiber> fibers;
  int any = 0;      // of the block barrier's predicates
  int all_any = 0;  // the same, of the barrier just passed
  std::vector<unsigned char> arena_store;
  unsigned char* arena = nullptr;  // the shared memory, aligned, and its guard
  std::vector<uint32_t> collected[MOST_THREADS / WARP];  // of each warp
  std::vector<PutOff> put_off;
  // Threads, or what was put off, that stand still for so many more rounds.
  int held_begin = 0, held_end = 0;
  bool holds_put_off = false;
  int held_rounds = 0;
};

Block slots[MOST_RESIDENT];
int resident = 1;  // blocks that may be under way at once
int cluster = 1;   // neighbouring slots whose blocks start together and reach each other
Block* active = slots;
int count = 0;     // fibers of a block
int current = 0;   // of the active block
size_t arena_bytes = 0;
uint64_t blocks_run = 0;
const std::function<void()>* body = nullptr;
Order order = Order::ASCENDING;
uint64_t random_state = 1;

// A switch by ucontext is a system call, by a jump it is a few instructions. Sanitizers know the former only.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)

ucontext_t scheduler;

void resume(Fiber& fiber) { swapcontext(&scheduler, &fiber.context); }
void suspend(Fiber& fiber) { swapcontext(&fiber.context, &scheduler); }

#else

void* scheduler_jump[5];

// noipa: who calls these may keep nothing in a register that a call can change, although the jump back shows in none of them.
[[gnu::noipa]] void resume(Fiber& fiber) {
  if (__builtin_setjmp(scheduler_jump) != 0) return;
  if (fiber.started) __builtin_longjmp(fiber.jump, 1);
  fiber.started = true;
  setcontext(&fiber.context);
}

[[gnu::noipa]] void leave() { __builtin_longjmp(scheduler_jump, 1); }

[[gnu::noipa]] void suspend(Fiber& fiber) {
  if (__builtin_setjmp(fiber.jump) == 0) leave();
}

#endif

Fiber& fiber_of(int thread) { return active->fibers[static_cast<size_t>(thread)]; }

Fiber& self() { return fiber_of(current); }

// A fiber serves one block after the other: to make one costs two system calls.
void fiber_main() {
  for (;;) {
    (*body)();
    Fiber& fiber = self();
    fiber.state = State::DONE;
    suspend(fiber);
  }
}

void wait(State state) {
  Fiber& fiber = self();
  fiber.state = state;
  suspend(fiber);
}

uint64_t next_random() {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

void order_threads(std::vector<int>& sequence) {
  for (int i = 0; i < count; ++i) sequence[static_cast<size_t>(i)] = order == Order::DESCENDING ? count - 1 - i : i;
  if (order != Order::SHUFFLED) return;
  for (int i = count - 1; i > 0; --i) {
    int j = static_cast<int>(next_random() % static_cast<uint64_t>(i + 1));
    std::swap(sequence[static_cast<size_t>(i)], sequence[static_cast<size_t>(j)]);
  }
}

// Hands over the values of a warp whose threads have all arrived at an exchange.
bool release_warp(int first) {
  for (int i = first; i < first + WARP; ++i) {
    if (fiber_of(i).state != State::AT_WARP_EXCHANGE) return false;
  }
  std::vector<uint32_t>& words = active->collected[first / WARP];
  words.clear();
  for (int i = first; i < first + WARP; ++i) {
    Fiber& fiber = fiber_of(i);
    if (fiber.word_count != fiber_of(first).word_count) {
      broken("lanes of a warp at different instructions");
    }
    words.insert(words.end(), fiber.words, fiber.words + fiber.word_count);
    fiber.received = fiber_of(fiber.source).value;
    fiber.state = State::READY;
  }
  return true;
}

bool all_at(const Block& block, State state) {
  for (int i = 0; i < count; ++i) {
    if (block.fibers[static_cast<size_t>(i)].state != state) return false;
  }
  return true;
}

void let_go(Block& block) {
  for (int i = 0; i < count; ++i) block.fibers[static_cast<size_t>(i)].state = State::READY;
}

bool release_block() {
  if (!all_at(*active, State::AT_BLOCK_BARRIER)) return false;
  let_go(*active);
  active->all_any = active->any;
  active->any = 0;
  return true;
}

int rank() { return static_cast<int>(active - slots) % cluster; }

bool release_cluster() {
  Block* first = active - rank();
  for (Block* block = first; block < first + cluster; ++block) {
    if (!all_at(*block, State::AT_CLUSTER_BARRIER)) return false;
  }
  for (Block* block = first; block < first + cluster; ++block) let_go(*block);
  return true;
}

bool wake() {
  bool woke = false;
  for (int i = 0; i < count; ++i) {
    Fiber& fiber = fiber_of(i);
    if (fiber.state != State::WAITING || !(*fiber.ready)()) continue;
    fiber.state = State::READY;
    woke = true;
  }
  return woke;
}

// Descending: only when no thread can go on. Shuffled: each piece with an even chance. Ascending: all of it.
bool do_put_off(bool idle) {
  if ((order == Order::DESCENDING || active->holds_put_off) && !idle) return false;
  std::vector<PutOff> work, kept;
  work.swap(active->put_off);
  bool did = false;
  for (auto& piece : work) {
    if (order == Order::SHUFFLED && !idle && next_random() % 2 == 0) {
      kept.push_back(std::move(piece));
      continue;
    }
    piece.work();
    did = true;
  }
  active->put_off.insert(active->put_off.begin(), kept.begin(), kept.end());
  return did;
}

void start_fiber(Fiber& fiber) {
  fiber.copies.clear();
  fiber.group = 0;
  fiber.state = State::READY;
  if (fiber.stack) return;
  fiber.stack = std::make_unique<char[]>(STACK_BYTES);
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = STACK_BYTES;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, fiber_main, 0);
}

// Whether anything was held.
bool hold_nothing(Block& block) {
  bool held = block.held_end > 0 || block.holds_put_off;
  block.held_begin = block.held_end = block.held_rounds = 0;
  block.holds_put_off = false;
  return held;
}

void start_block(Block& block, unsigned index) {
  active = &block;
  block.live = true;
  block.index = index;
  block.number = ++blocks_run;
  block.any = 0;
  hold_nothing(block);
  block.arena_store.assign(arena_bytes + GUARD_BYTES + SHARED_ALIGNMENT, 0xFF);
  block.arena = block.arena_store.data();
  block.arena += SHARED_ALIGNMENT - reinterpret_cast<uintptr_t>(block.arena) % SHARED_ALIGNMENT;
  if (block.fibers.empty()) block.fibers.resize(MOST_THREADS);  // once: a context may not move
  for (int i = 0; i < count; ++i) start_fiber(fiber_of(i));
}

void end_block() {
  for (const PutOff& piece : active->put_off) {
    if (!piece.may_outlive_block) broken("ended before a copy that was begun");
    piece.work();
  }
  active->put_off.clear();
  for (size_t i = arena_bytes; i < arena_bytes + GUARD_BYTES; ++i) {
    if (active->arena[i] != 0xFF) broken("wrote past the end of its shared memory");
  }
  active->live = false;
}

// Shuffled: now and then a warp, four, or what was put off falls behind.
void hold_some(Block& block) {
  if (block.held_rounds > 0 && --block.held_rounds > 0) return;
  hold_nothing(block);
  if (order != Order::SHUFFLED || next_random() % 8 != 0) return;
  block.held_rounds = 1 + static_cast<int>(next_random() % 64);
  block.holds_put_off = next_random() % 3 == 0;
  if (block.holds_put_off) return;
  int warps = next_random() % 2 == 0 ? 1 : 4;
  block.held_begin = static_cast<int>(next_random() % static_cast<uint64_t>(count / WARP)) / warps * warps * WARP;
  block.held_end = block.held_begin + warps * WARP;
}

// Lets each thread of a block that can go on do so once; whether anything happened.
bool advance(Block& block, std::vector<int>& sequence) {
  active = &block;
  blockIdx.x = block.index;
  bool ran = false;
  order_threads(sequence);
  hold_some(block);
  for (int i : sequence) {
    Fiber& fiber = fiber_of(i);
    if (fiber.state != State::READY || (i >= block.held_begin && i < block.held_end)) continue;
    ran = true;
    current = i;
    threadIdx.x = static_cast<unsigned>(i);
    resume(fiber);
  }
  if (all_at(block, State::DONE)) {
    end_block();
    return true;
  }
  bool released = release_block() || release_cluster();
  for (int first = 0; first < count; first += WARP) released |= release_warp(first);
  released |= wake();
  released |= do_put_off(!ran && !released);
  return ran || released || hold_nothing(block);
}

[[noreturn]] void stuck() {
  for (Block& block : slots) {
    if (!block.live) continue;
    active = &block;
    blockIdx.x = active->index;
    for (current = 0; current < count; ++current) {
      if (self().state != State::DONE) broken("waits for what others never do");
    }
  }
  std::abort();
}

// Descending: the last cluster first. Shuffled: in any order.
std::vector<unsigned> order_clusters(unsigned clusters) {
  std::vector<unsigned> sequence(clusters);
  for (unsigned i = 0; i < clusters; ++i) sequence[i] = order == Order::DESCENDING ? clusters - 1 - i : i;
  if (order != Order::SHUFFLED) return sequence;
  for (unsigned i = clusters; i > 1; --i) std::swap(sequence[i - 1], sequence[next_random() % i]);
  return sequence;
}

bool none_live(int slot) {
  for (int i = slot; i < slot + cluster; ++i) {
    if (slots[i].live) return false;
  }
  return true;
}

void start_cluster(int slot, unsigned index) {
  for (int i = 0; i < cluster; ++i) start_block(slots[slot + i], index * static_cast<unsigned>(cluster) + static_cast<unsigned>(i));
}

// How often a resident block goes on before it is the next one's turn. Shuffled: perhaps not at all.
int turns_of_block() {
  return order == Order::SHUFFLED && resident * cluster > 1 ? static_cast<int>(next_random() % 16) : 1;
}

}  // namespace

void broken(const char* what) {
  std::fprintf(stderr, "emulated block %u, thread %d: %s\n", blockIdx.x, current, what);
  std::abort();
}

void set_order(Order new_order, uint64_t seed) {
  order = new_order;
  random_state = seed * 2 + 1;
}

void set_resident(int blocks) {
  if (blocks < 1 || blocks > MOST_RESIDENT) broken("so many blocks cannot be resident");
  resident = blocks;
}

void run(unsigned blocks, int threads, size_t shared_bytes, const std::function<void()>& thread) {
  run_clusters(blocks, 1, threads, shared_bytes, thread);
}

void run_clusters(unsigned blocks, int blocks_each, int threads, size_t shared_bytes,
                  const std::function<void()>& thread) {
  if (threads % WARP != 0 || threads > MOST_THREADS) broken("a block must be whole warps, at most 1024 threads");
  if (blocks_each > MOST_RESIDENT || blocks % static_cast<unsigned>(blocks_each) != 0) {
    broken("a grid must be whole clusters");
  }
  cluster = blocks_each;
  count = threads;
  body = &thread;
  blockDim.x = static_cast<unsigned>(threads);
  gridDim.x = blocks;
  arena_bytes = shared_bytes;
  std::vector<int> sequence(static_cast<size_t>(count));
  std::vector<unsigned> waiting = order_clusters(blocks / static_cast<unsigned>(cluster));
  size_t started = 0;
  int in_use = std::max(1, resident / cluster) * cluster;
  for (bool over = false; !over;) {
    over = true;
    bool went_on = false, all_tried = true;
    for (int slot = 0; slot < in_use; ++slot) {
      if (slot % cluster == 0 && started < waiting.size() && none_live(slot)) start_cluster(slot, waiting[started++]);
      Block& block = slots[slot];
      int turns = turns_of_block();
      if (block.live && turns == 0) all_tried = false;
      for (; block.live && turns > 0; --turns) went_on |= advance(block, sequence);
      over &= !block.live && started == waiting.size();
    }
    if (!over && !went_on && all_tried) stuck();
  }
}

void* shared_memory(size_t bytes) {
  if (bytes > arena_bytes) broken("uses more shared memory than the launch gave it");
  return active->arena;
}

uint32_t shared_address(const void* at) {
  ptrdiff_t offset = static_cast<const unsigned char*>(at) - active->arena;
  if (offset < 0 || offset > static_cast<ptrdiff_t>(arena_bytes)) broken("takes the shared address of other memory");
  return static_cast<uint32_t>(offset);
}

unsigned char* shared_at(uint32_t address, size_t bytes) {
  if (address + bytes > arena_bytes) broken("reaches past the end of its shared memory");
  return active->arena + address;
}

int block_rank() { return rank(); }

void cluster_barrier() { wait(State::AT_CLUSTER_BARRIER); }

void* shared_of(int block, const void* at) {
  if (block < 0 || block >= cluster) broken("means a block that is not in its cluster");
  const Block& other = (active - rank())[block];
  if (!other.live) broken("reaches into a block that has ended");
  return other.arena + shared_address(at);
}

void wait_until(const std::function<bool()>& ready) {
  if (ready()) return;
  self().ready = &ready;
  wait(State::WAITING);
}

void later(std::function<void()> work, bool may_outlive_block) {
  active->put_off.push_back({std::move(work), may_outlive_block});
}

uint64_t block_number() { return active->number; }

int block_slot() { return static_cast<int>(active - slots); }

int block_barrier(int predicate) {
  active->any |= predicate != 0;
  wait(State::AT_BLOCK_BARRIER);
  return active->all_any;
}

uint32_t exchange(uint32_t value, int source, int width) {
  Fiber& fiber = self();
  fiber.value = value;
  fiber.source = current / width * width + source;
  fiber.word_count = 0;
  wait(State::AT_WARP_EXCHANGE);
  return fiber.received;
}

const uint32_t* collect(const uint32_t* words, int words_each) {
  Fiber& fiber = self();
  fiber.source = current;
  fiber.words = words;
  fiber.word_count = words_each;
  wait(State::AT_WARP_EXCHANGE);
  return active->collected[current / WARP].data();
}

void copy_later(void* to, const void* from, int size, int bytes) {
  if (bytes < 0 || bytes > size) broken("an asynchronous copy of more bytes than its size");
  if ((reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) % static_cast<uintptr_t>(size) != 0) {
    broken("a misaligned asynchronous copy");
  }
  auto at = static_cast<unsigned char*>(to);
  if (at < active->arena || at + size > active->arena + arena_bytes) broken("an asynchronous copy to no shared memory");
  Fiber& fiber = self();
  fiber.copies.push_back({to, from, size, bytes, fiber.group});
}

void copy_commit() { self().group++; }

void copy_wait(int groups) {
  Fiber& fiber = self();
  size_t done = 0;
  for (; done < fiber.copies.size() && fiber.copies[done].group < fiber.group - groups; ++done) {
    const Copy& copy = fiber.copies[done];
    auto at = static_cast<unsigned char*>(copy.to);
    if (copy.bytes > 0) std::memcpy(at, copy.from, static_cast<size_t>(copy.bytes));
    std::memset(at + copy.bytes, 0, static_cast<size_t>(copy.size - copy.bytes));
  }
  fiber.copies.erase(fiber.copies.begin(), fiber.copies.begin() + static_cast<ptrdiff_t>(done));
}

}  // namespace ondol::cuda::emulate
