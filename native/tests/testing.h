// The little that the native tests share: comparison of bits, a seeded generator, and a driver that runs a planned call
// the way a host with its own threads does.
#ifndef ONDOL_TESTING_H
#define ONDOL_TESTING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "ondol.h"

namespace testing {

inline int failures = 0;

#define EXPECT(condition, ...)                                     \
  do {                                                             \
    if (!(condition)) {                                            \
      printf("%s:%d: %s: ", __FILE__, __LINE__, #condition);       \
      printf(__VA_ARGS__);                                         \
      printf("\n");                                                \
      if (++testing::failures > 20) exit(1);                       \
    }                                                              \
  } while (0)

inline unsigned seed() {
  const char* text = getenv("ONDOL_TEST_SEED");
  return text != nullptr ? (unsigned)strtoul(text, nullptr, 10) : std::random_device()();
}

// How many generated cases to run: a part of the usual number where each is slow, under a sanitizer for one.
inline int rounds(int usual) {
  const char* text = getenv("ONDOL_TEST_PART");
  const int part = text != nullptr ? atoi(text) : 1;
  return part > 1 ? (usual + part - 1) / part : usual;
}

inline uint32_t bits(float x) {
  uint32_t b;
  memcpy(&b, &x, sizeof b);
  return b;
}

// Equal bits, or NaN on both sides: the sign and payload of a NaN are not defined.
inline bool same(float a, float b) {
  return bits(a) == bits(b) || (a != a && b != b);
}

inline float nan() {
  return __builtin_nanf("");
}

// Values over many magnitudes, with zeros of both signs, subnormals, infinities and NaN among them if `special`.
inline std::vector<float> values(std::mt19937& random, int64_t n, bool special) {
  static const float rare[] = {0.0f, -0.0f, 1e-40f, -1e-40f, __builtin_inff(), -__builtin_inff(), nan(), 1.0f, -1.0f,
                               0.625f, 3e38f, -3e38f, 88.8f, -103.9f};
  std::normal_distribution<float> normal(0, 2);
  std::vector<float> out(n);
  for (float& x : out) {
    x = normal(random);
    if (special && random() % 8 == 0) x = rare[random() % (sizeof rare / sizeof *rare)];
    if (special && random() % 8 == 0) x *= 20;
  }
  return out;
}

// Memory as a host lends it: aligned, full of NaN, and ended by a page that cannot be touched.
struct Aligned {
  char* base;
  int64_t bytes;
  void* p;
  explicit Aligned(int64_t wanted) {
    const int64_t page = sysconf(_SC_PAGESIZE), usable = (wanted + 63) / 64 * 64;
    bytes = (usable + page - 1) / page * page + page;
    base = static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base + bytes - page, page, PROT_NONE);
    p = base + bytes - page - usable;
    memset(p, 0xFF, usable);
  }
  ~Aligned() { munmap(base, bytes); }
  Aligned(const Aligned&) = delete;
};

// Runs one variant on the calling thread, each phase in pieces of one task, last task first.
template <class Args>
int64_t run_variant(int64_t (*plan_call)(const Args*, ondol_plan*),
                    void (*run)(const Args*, const ondol_plan*, int64_t, int64_t, int64_t, int64_t, void*, void*),
                    const Args& args, int64_t variant, int64_t threads) {
  ondol_plan plan = {};
  plan.variant = variant;
  plan.threads = threads;
  int64_t status = plan_call(&args, &plan);
  if (status != ONDOL_OK) return status;
  Aligned workspace(plan.workspace), scratch(plan.scratch);
  for (int64_t phase = 0; phase < plan.phases; phase++) {
    for (int64_t task = plan.tasks[phase] - 1; task >= 0; task--) {
      run(&args, &plan, phase, task, task + 1, 0, workspace.p, scratch.p);
    }
  }
  return ONDOL_OK;
}

// Indices of the variants that this machine can run; the others are printed, once, with the reason.
inline std::vector<int64_t> variants(const char* stem) {
  static std::set<std::string> reported;
  std::vector<int64_t> out;
  for (int64_t i = 0; ondol_variant_name(stem, i) != nullptr; i++) {
    const char* why = nullptr;
    if (ondol_variant_available(stem, i, &why)) {
      out.push_back(i);
    } else if (reported.insert(std::string(stem) + " " + ondol_variant_name(stem, i)).second) {
      printf("%s %s skipped: %s\n", stem, ondol_variant_name(stem, i), why);
    }
  }
  return out;
}

inline int finish() {
  printf(failures == 0 ? "passed\n" : "%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace testing

#endif
