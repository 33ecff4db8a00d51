// iou and its gradient on every variant against plain loops over one pair at a time.
#include <math.h>

#include "testing.h"

using namespace testing;

namespace {

float most(float a, float b) { return a > b || a != a ? a : b; }
float least(float a, float b) { return a < b || a != a ? a : b; }
float relu(float x) { return x < 0 ? 0 : x; }
float ratio(float x, float y) { return y == 0 ? 0 : x / y; }

// The extents of a pair, before they are cut.
struct Pair {
  float wide[2], high[2], inner[2], outer[2];  // of a and b; along x and y
  float area[2], both, either, around;

  Pair(const float* a, const float* b, float pixel) {
    const float* box[] = {a, b};
    for (int s = 0; s < 2; s++) {
      wide[s] = (box[s][2] - box[s][0]) + pixel;
      high[s] = (box[s][3] - box[s][1]) + pixel;
      area[s] = relu(wide[s]) * relu(high[s]);
      inner[s] = (least(a[2 + s], b[2 + s]) - most(a[s], b[s])) + pixel;
      outer[s] = (most(a[2 + s], b[2 + s]) - least(a[s], b[s])) + pixel;
    }
    both = relu(inner[0]) * relu(inner[1]);
    either = (area[0] + area[1]) - both;
    around = relu(outer[0]) * relu(outer[1]);
  }

  float value(int64_t kind) const {
    if (kind == ONDOL_IOA) return ratio(both, area[0]);
    const float v = ratio(both, either);
    return kind == ONDOL_IOU ? v : v - ratio(around - either, around);
  }
};

float passed(float extent, float d) { return extent > 0 ? d : 0; }
float share(float u, float v, float d) { return u < v ? d : u == v ? 0.5f * d : 0; }

void gradient(const float* a, const float* b, float pixel, bool giou, float dy, float* da, float* db) {
  const Pair p(a, b, pixel);
  const float q = ratio(dy, p.either);
  float u = -(q * ratio(p.both, p.either)), c = 0;
  if (giou) {
    const float r = ratio(dy, p.around);
    u = u + r;
    c = -(r * ratio(p.either, p.around));
  }
  const float g = q - u;
  const float* box[] = {a, b};
  float* d[] = {da, db};
  for (int axis = 0; axis < 2; axis++) {
    const float inner = passed(p.inner[axis], g * relu(p.inner[1 - axis]));
    const float outer = passed(p.outer[axis], c * relu(p.outer[1 - axis]));
    for (int s = 0; s < 2; s++) {
      const float *one = box[s], *other = box[1 - s];
      const float extent = axis == 0 ? passed(p.wide[s], u * relu(p.high[s])) : passed(p.high[s], u * relu(p.wide[s]));
      d[s][axis] = -((extent + share(other[axis], one[axis], inner)) + share(one[axis], other[axis], outer));
      d[s][2 + axis] = (extent + share(one[2 + axis], other[2 + axis], inner)) + share(other[2 + axis], one[2 + axis], outer);
    }
  }
}

// Boxes of all sorts: proper ones, with equal corners now and then, reversed ones, and special numbers.
std::vector<float> boxes(std::mt19937& random, int64_t n, bool special) {
  std::vector<float> out = values(random, 4 * n, special);
  for (int64_t i = 0; i < n; i++) {
    float* b = &out[4 * i];
    if (random() % 4 == 0) continue;
    for (int k = 0; k < 2; k++) {
      if (random() % 2 == 0) b[k] = (float)(int)(random() % 5);
      b[2 + k] = b[k] + (random() % 2 == 0 ? (float)(random() % 6) : fabsf(b[2 + k]));
    }
  }
  return out;
}

void expect_same(const char* what, const char* variant, const std::vector<float>& got, const std::vector<float>& expected) {
  for (size_t i = 0; i < expected.size(); i++) {
    EXPECT(same(got[i], expected[i]), "%s %s element %zu of %zu: %a, expected %a", what, variant, i, expected.size(), got[i],
           expected[i]);
  }
}

void forward(std::mt19937& random, int64_t n, int64_t m, bool paired, bool special) {
  const std::vector<float> a = boxes(random, n, special), b = boxes(random, m, special);
  for (int64_t kind : {ONDOL_IOU, ONDOL_GIOU, ONDOL_IOA}) {
    for (int64_t pixel : {0, 1}) {
      std::vector<float> expected;
      for (int64_t i = 0; i < n; i++) {
        for (int64_t j = paired ? i : 0; j < (paired ? i + 1 : m); j++) {
          expected.push_back(Pair(&a[4 * i], &b[4 * j], (float)pixel).value(kind));
        }
      }
      for (int64_t variant : variants("iou")) {
        std::vector<float> out(expected.size() + 1, nan());
        const ondol_iou_args args = {kind, pixel, paired, n, m, a.data(), b.data(), out.data()};
        EXPECT(run_variant(ondol_iou_plan, ondol_iou_run, args, variant, 2) == ONDOL_OK, "iou");
        EXPECT(same(out.back(), nan()), "iou wrote behind its result");
        expect_same("iou", ondol_variant_name("iou", variant), out, expected);
      }
    }
  }
}

void backward(std::mt19937& random, int64_t n, bool special) {
  const std::vector<float> a = boxes(random, n, special), b = boxes(random, n, special), dy = values(random, n, special);
  for (int64_t kind : {ONDOL_IOU, ONDOL_GIOU}) {
    for (int64_t pixel : {0, 1}) {
      std::vector<float> da(4 * n), db(4 * n);
      for (int64_t i = 0; i < n; i++) {
        gradient(&a[4 * i], &b[4 * i], (float)pixel, kind == ONDOL_GIOU, dy[i], &da[4 * i], &db[4 * i]);
      }
      for (int64_t variant : variants("iou_backward")) {
        std::vector<float> x(4 * n, nan()), y = x, z = x;
        ondol_iou_backward_args args = {kind, pixel, n, a.data(), b.data(), dy.data(), x.data(), y.data()};
        EXPECT(run_variant(ondol_iou_backward_plan, ondol_iou_backward_run, args, variant, 2) == ONDOL_OK, "iou_backward");
        expect_same("da", ondol_variant_name("iou_backward", variant), x, da);
        expect_same("db", ondol_variant_name("iou_backward", variant), y, db);
        args.da = nullptr;
        args.db = z.data();
        EXPECT(run_variant(ondol_iou_backward_plan, ondol_iou_backward_run, args, variant, 2) == ONDOL_OK, "iou_backward");
        expect_same("db alone", ondol_variant_name("iou_backward", variant), z, db);
      }
    }
  }
}

// Worked by hand: two squares of side 2 that share one of side 1; the same pixels; reversed, empty and NaN boxes.
void known_values() {
  const float a[] = {0, 0, 2, 2}, b[] = {1, 1, 3, 3}, reversed[] = {2, 2, 0, 0}, line[] = {0, 0, 0, 2}, none[] = {0, nan(), 2, 2};
  const auto one = [](int64_t kind, int64_t pixel, const float* p, const float* q) {
    float out = -7;
    const ondol_iou_args args = {kind, pixel, 1, 1, 1, p, q, &out};
    EXPECT(ondol_iou(&args, nullptr) == ONDOL_OK, "iou");
    return out;
  };
  EXPECT(one(ONDOL_IOU, 0, a, b) == 1.0f / 7, "iou");
  EXPECT(one(ONDOL_IOU, 1, a, b) == 4.0f / 14, "3 x 3 pixels each, 2 x 2 shared");
  EXPECT(one(ONDOL_GIOU, 0, a, b) == 1.0f / 7 - 2.0f / 9, "giou");
  EXPECT(one(ONDOL_IOA, 0, a, b) == 0.25f, "ioa");
  EXPECT(one(ONDOL_IOU, 0, a, a) == 1 && one(ONDOL_GIOU, 0, a, a) == 1, "itself");
  EXPECT(one(ONDOL_IOU, 0, a, reversed) == 0 && one(ONDOL_IOU, 0, reversed, reversed) == 0, "reversed");
  EXPECT(one(ONDOL_IOU, 0, line, line) == 0 && one(ONDOL_GIOU, 0, line, line) == 0, "no area");
  EXPECT(one(ONDOL_IOU, 1, line, line) == 1, "a line of three pixels");
  EXPECT(same(one(ONDOL_IOU, 0, a, none), nan()) && same(one(ONDOL_IOU, 0, none, a), nan()), "NaN");
}

template <class Args>
void refused(int64_t (*call)(const Args*, ondol_error*), const Args& a, const char* message) {
  ondol_error error = {};
  EXPECT(call(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

void bad_arguments_are_named() {
  float a[8] = {}, b[8] = {}, out[8] = {}, d[8] = {}, e[8] = {};
  refused(ondol_iou, {3, 0, 0, 2, 2, a, b, out}, "kind = 3");
  refused(ondol_iou, {0, 2, 0, 2, 2, a, b, out}, "pixel = 2");
  refused(ondol_iou, {0, 0, -1, 2, 2, a, b, out}, "paired = -1");
  refused(ondol_iou, {0, 0, 0, -2, 2, a, b, out}, "[n, 4][0] = -2");
  refused(ondol_iou, {0, 0, 0, 1LL << 40, 1LL << 40, a, b, out}, "[n, m]");
  refused(ondol_iou, {0, 0, 1, 1, 2, a, b, out}, "m = 2");
  refused(ondol_iou, {0, 0, 0, 2, 2, nullptr, b, out}, "a = null");
  refused(ondol_iou, {0, 0, 0, 2, 2, a, nullptr, out}, "b = null");
  refused(ondol_iou, {0, 0, 0, 2, 2, a, b, nullptr}, "out = null");
  refused(ondol_iou, {0, 0, 0, 2, 2, a, b, b + 7}, "expected no overlap with b");
  refused(ondol_iou_backward, {ONDOL_IOA, 0, 2, a, b, out, d, e}, "kind = 2");
  refused(ondol_iou_backward, {0, 0, 2, a, b, nullptr, d, e}, "dout = null");
  refused(ondol_iou_backward, {0, 0, 2, a, b, out, a, e}, "expected no overlap with a");
  refused(ondol_iou_backward, {0, 0, 2, a, b, out, d, d}, "expected no overlap with db");
}

}  // namespace

int main() {
  const unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  known_values();
  for (int64_t n : {0, 1, 3, 7, 40}) {
    for (int64_t m : {0, 1, 4, 15, 16, 17, 33, 100}) {
      for (bool special : {false, true}) forward(random, n, m, false, special);
    }
  }
  forward(random, 700, 50, false, false);  // more than one task
  for (int64_t n : {0, 1, 4, 8, 15, 33, 200}) {
    for (bool special : {false, true}) {
      forward(random, n, n, true, special);
      backward(random, n, special);
    }
  }
  forward(random, 20000, 20000, true, true);
  backward(random, 5000, true);
  bad_arguments_are_named();
  return finish();
}
