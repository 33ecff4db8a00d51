// roialign and its gradient on every variant against loops over all samples. Operands end at pages that cannot be touched.
#include "roialign_cases.h"

#include <memory>

using namespace testing;

namespace {

// Operands of a case between guard pages.
struct Operands {
  ondol_roialign_args a;
  std::vector<std::unique_ptr<Guarded>> memory;

  explicit Operands(const RoiCase& c) : a(c.args()) {
    for (size_t l = 0; l < c.x.size(); l++) a.maps[l].x = put(c.x[l].data(), c.x[l].size());
    a.rois.boxes = put(c.boxes.data(), c.boxes.size());
    a.rois.images = (const int32_t*)put(c.images.data(), c.images.size());
    if (a.rois.levels != nullptr) a.rois.levels = (const int32_t*)put(c.levels.data(), c.levels.size());
  }

  float* room(int64_t n) {
    memory.push_back(std::make_unique<Guarded>(n));
    return memory.back()->data();
  }

  float* put(const void* from, int64_t n) {
    float* to = room(n);
    if (n > 0) memcpy(to, from, n * 4);
    return to;
  }
};

void forward(const RoiCase& c, const RoiExpected& e, int64_t threads) {
  Operands o(c);
  o.a.y = o.room(c.results());
  int32_t* indices = (int32_t*)o.room(c.results());
  for (bool indexed : {false, true}) {
    if (indexed && c.op == ONDOL_ROIALIGN_AVERAGE) break;
    o.a.indices = indexed ? indices : nullptr;
    for (int64_t variant : variants("roialign")) {
      std::fill_n(o.a.y, c.results(), nan());
      std::fill_n(indices, c.results(), -77);
      EXPECT(run_variant(ondol_roialign_plan, ondol_roialign_run, o.a, variant, threads) == ONDOL_OK, "roialign");
      for (int64_t k = 0; k < c.results(); k++) {
        EXPECT(same(o.a.y[k], e.y[k]), "%s %s y[%ld] = %a, expected %a", ondol_variant_name("roialign", variant), c.name().c_str(), (long)k,
               o.a.y[k], e.y[k]);
        EXPECT(!indexed || indices[k] == e.indices[k], "%s %s indices[%ld] = %d, expected %d", ondol_variant_name("roialign", variant),
               c.name().c_str(), (long)k, indices[k], e.indices[k]);
      }
    }
  }
}

void backward(std::mt19937& random, const RoiCase& c, std::vector<int32_t> indices, int64_t threads, bool special) {
  for (size_t k = 0; k < indices.size(); k += 7) indices[k] = (int32_t)(random() % 3 == 0 ? random() : random() % 9);
  const std::vector<float> dy = values(random, c.results(), special);
  const std::vector<std::vector<float>> expected = roi_gradient(c, dy.data(), indices.data());
  Operands o(c);
  ondol_roialign_backward_args b = {o.a, o.put(dy.data(), c.results()), {}};
  if (c.op != ONDOL_ROIALIGN_AVERAGE) b.forward.indices = (int32_t*)o.put(indices.data(), c.results());
  for (size_t l = 0; l < expected.size(); l++) b.dx[l] = o.room(expected[l].size());
  for (int64_t variant : variants("roialign_backward")) {
    for (size_t l = 0; l < expected.size(); l++) std::fill_n(b.dx[l], expected[l].size(), nan());
    EXPECT(run_variant(ondol_roialign_backward_plan, ondol_roialign_backward_run, b, variant, threads) == ONDOL_OK, "roialign_backward");
    for (size_t l = 0; l < expected.size(); l++) {
      for (size_t k = 0; k < expected[l].size(); k++) {
        EXPECT(same(b.dx[l][k], expected[l][k]), "%s %s dx %zu[%zu] = %a, expected %a", ondol_variant_name("roialign_backward", variant),
               c.name().c_str(), l, k, b.dx[l][k], expected[l][k]);
      }
    }
  }
}

void check(std::mt19937& random, const RoiCase& c, bool special) {
  const RoiExpected e = roi_expected(c);
  const int64_t threads = pick(random, {1, 3, 40});
  forward(c, e, threads);
  backward(random, c, e.indices, threads, special);
}

RoiCase one_map(std::mt19937& random, int64_t op, int64_t height, int64_t width, int64_t channels, int64_t bins, int64_t sampling) {
  RoiCase c = {};
  c.op = op, c.aligned = 1, c.sampling_h = c.sampling_w = sampling, c.batch = 1, c.channels = channels, c.rows = c.columns = bins;
  c.sizes = {{height, width}};
  c.scales = {1.0f};
  c.x = {values(random, channels * height * width, false)};
  return c;
}

void box(RoiCase& c, float x1, float y1, float x2, float y2) {
  for (float v : {x1, y1, x2, y2}) c.boxes.push_back(v);
  c.images.push_back(0);
}

// Where tables, results or cells do not fit, and where a few of many cells are read.
void unusual(std::mt19937& random) {
  for (int64_t op : {ONDOL_ROIALIGN_AVERAGE, ONDOL_ROIALIGN_MAX, ONDOL_ROIALIGN_CORNERS}) {
    RoiCase samples = one_map(random, op, 5, 6, 2, 2, 5000);  // more samples than a table holds
    samples.sampling_w = 3;
    box(samples, 0.5f, 0.25f, 4, 4.5f);
    box(samples, -900, 0, 900, 3);
    check(random, samples, false);
    RoiCase bins = one_map(random, op, 6, 7, 1, 40, 1);  // more bins than are kept
    box(bins, -1, 0, 6.5f, 5);
    check(random, bins, false);
    RoiCase large = one_map(random, op, 530, 520, 1, 2, 0);  // more cells than lie side by side
    box(large, 3, 5, 500, 520);
    box(large, 100, 100, 130, 140);
    check(random, large, false);
    RoiCase long_rows = one_map(random, op, 2, 5000, 3, 3, 0);  // more columns than a tile of dx
    box(long_rows, 10, 0, 4990, 2);
    box(long_rows, 4090, 0, 4102, 1);
    check(random, long_rows, false);
    RoiCase far = one_map(random, op, 9, 8, 17, 2, 0);  // two million samples an axis, few of them inside
    box(far, -2e6f, -2e6f, 2e6f, 2e6f);
    box(far, -4e6f, 1, 3, 4e6f);
    check(random, far, false);
  }
}

template <class Args>
void refused(int64_t (*call)(const Args*, ondol_error*), const Args& a, const char* message) {
  ondol_error error = {};
  EXPECT(call(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

template <class Change>
void refused(const char* message, Change change) {
  static float x[2 * 4 * 4 * 4], y[64], boxes[] = {0, 0, 2, 2};
  static int32_t images[] = {0}, indices[64];
  ondol_roialign_args a = {};
  a.op = ONDOL_ROIALIGN_MAX, a.batch = 2, a.channels = 4, a.levels = 1, a.rows = a.columns = 2;
  a.maps[0] = {x, 64, 16, 4, 4, 1.0};
  a.rois = {1, boxes, images, nullptr};
  a.y = y, a.indices = indices;
  EXPECT(ondol_roialign(&a, nullptr) == ONDOL_OK, "unchanged");
  change(a);
  refused(ondol_roialign, a, message);
}

void bad_arguments_are_named() {
  typedef ondol_roialign_args Args;
  refused("op = 3: expected 0 to 2", [](Args& a) { a.op = 3; });
  refused("aligned = 2", [](Args& a) { a.aligned = 2; });
  refused("sampling_h = 16385", [](Args& a) { a.sampling_h = 16385; });
  refused("sampling_w = -1", [](Args& a) { a.sampling_w = -1; });
  refused("position_sensitive = 7", [](Args& a) { a.position_sensitive = 7; });
  refused("batch = -1", [](Args& a) { a.batch = -1; });
  refused("channels = -1", [](Args& a) { a.channels = -1; });
  refused("channels = 3: expected a multiple of 4", [](Args& a) { a.position_sensitive = 1, a.channels = 3; });
  refused("levels = 0", [](Args& a) { a.levels = 0; });
  refused("levels = 9", [](Args& a) { a.levels = 9; });
  refused("rows = 0", [](Args& a) { a.rows = 0; });
  refused("columns = 1048577", [](Args& a) { a.columns = 1048577; });
  refused("maps[0].height = 0", [](Args& a) { a.maps[0].height = 0; });
  refused("maps[0].width = 4194305", [](Args& a) { a.maps[0].width = 4194305; });
  refused("maps[1].height = 0", [](Args& a) { a.levels = 2; });
  refused("maps[0].scale = 0", [](Args& a) { a.maps[0].scale = 0; });
  refused("maps[0].scale = nan", [](Args& a) { a.maps[0].scale = nan(); });
  refused("maps[0].scale = inf", [](Args& a) { a.maps[0].scale = __builtin_inf(); });
  refused("expected at most 2^29 - 1 where indices are wanted", [](Args& a) {
    a.sampling_w = 0, a.maps[0].height = 20000, a.maps[0].width = 20000;
  });
  refused("indices", [](Args& a) { a.op = ONDOL_ROIALIGN_AVERAGE; });
  refused("rois.count = -1", [](Args& a) { a.rois.count = -1; });
  refused("rois.boxes = null", [](Args& a) { a.rois.boxes = nullptr; });
  refused("rois.images = null", [](Args& a) { a.rois.images = nullptr; });
  refused("x = null", [](Args& a) { a.maps[0].x = nullptr; });
  refused("y = null", [](Args& a) { a.y = nullptr; });
  refused("expected no overlap", [](Args& a) { a.y = const_cast<float*>(a.maps[0].x) + 3; });
  refused("expected no overlap", [](Args& a) { a.indices = (int32_t*)a.y + 5; });
  float dx[16] = {}, dy[4] = {}, boxes[4] = {};
  int32_t images[1] = {};
  ondol_roialign_backward_args b = {};
  b.forward.op = ONDOL_ROIALIGN_MAX, b.forward.batch = b.forward.channels = b.forward.levels = 1;
  b.forward.rows = b.forward.columns = 2;
  b.forward.maps[0] = {nullptr, 16, 16, 4, 4, 1.0};
  b.forward.rois = {1, boxes, images, nullptr};
  b.dy = dy, b.dx[0] = dx;
  refused(ondol_roialign_backward, b, "indices = null");
  b.forward.op = ONDOL_ROIALIGN_AVERAGE, b.dx[0] = nullptr;
  refused(ondol_roialign_backward, b, "dx = null");
  b.dx[0] = dx, b.dy = dx;
  refused(ondol_roialign_backward, b, "expected no overlap");
  b.dy = nullptr;
  refused(ondol_roialign_backward, b, "dy = null");
}

// A million regions of one channel: nothing grows with regions times map.
void many_regions(std::mt19937& random) {
  RoiCase c = one_map(random, ONDOL_ROIALIGN_AVERAGE, 20, 30, 1, 1, 1);
  add_rois(random, c, rounds(1000000), false);
  ondol_plan plan = {};
  plan.variant = -1;
  plan.threads = 2;
  ondol_roialign_args a = c.args();
  EXPECT(ondol_roialign_plan(&a, &plan) == ONDOL_OK && plan.workspace <= 17000000 && plan.scratch <= 1000000, "memory %ld, %ld",
         (long)plan.workspace, (long)plan.scratch);
  forward(c, roi_expected(c), 2);
  backward(random, c, {}, 2, false);
}

}  // namespace

int main() {
  unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  for (int round = rounds(150); round > 0; round--) {
    for (int64_t op : {ONDOL_ROIALIGN_AVERAGE, ONDOL_ROIALIGN_MAX, ONDOL_ROIALIGN_CORNERS}) {
      const bool special = random() % 2;
      check(random, roi_case(random, op, special), special);
    }
  }
  unusual(random);
  many_regions(random);
  bad_arguments_are_named();
  return finish();
}
