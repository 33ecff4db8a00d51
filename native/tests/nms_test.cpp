// nms and topk on every variant against repeated maximum over all pairs, as docs/arithmetic.md has them.
#include "nms_cases.h"
#include "reference.h"

using namespace testing;

namespace {

struct Corners {
  float x1, y1, x2, y2, area;
};

Corners prepared(const float* p, int64_t format, float offset) {
  Corners c = {p[0], p[1], p[2], p[3], 0};
  if (format == ONDOL_BOX_ANY_CORNERS) {
    if (p[2] < p[0]) std::swap(c.x1, c.x2);
    if (p[3] < p[1]) std::swap(c.y1, c.y2);
  }
  if (format == ONDOL_BOX_CENTER) {
    c.x1 = p[0] - 0.5f * p[2], c.x2 = p[0] + 0.5f * p[2];
    c.y1 = p[1] - 0.5f * p[3], c.y2 = p[1] + 0.5f * p[3];
  }
  const float w = (c.x2 - c.x1) + offset, h = (c.y2 - c.y1) + offset;
  const bool real = std::isfinite(c.x1) && std::isfinite(c.y1) && std::isfinite(c.x2) && std::isfinite(c.y2);
  if (real && w > 0 && h > 0 && w * h > 0 && std::isfinite(w * h)) c.area = w * h;
  return c;
}

struct Pair {
  float inter, join;
};

Pair overlap(const Corners& p, const Corners& q, float offset) {
  float inter = 0;
  if (p.area > 0 && q.area > 0) {
    const float w = (std::min(p.x2, q.x2) - std::max(p.x1, q.x1)) + offset;
    const float h = (std::min(p.y2, q.y2) - std::max(p.y1, q.y1)) + offset;
    inter = (w > 0 ? w : 0.0f) * (h > 0 ? h : 0.0f);
  }
  return {inter, (p.area + q.area) - inter};
}

struct Selected {
  int32_t index;
  float score;
};

float decayed(const ondol_nms_args& a, const Pair& pair, float score) {
  const float t = (float)a.iou_threshold * pair.join;
  const bool suppressed = a.inclusive ? pair.inter >= t && pair.join > 0 : pair.inter > t;
  if (a.method == ONDOL_NMS_HARD) return suppressed ? nan() : score;
  const float iou = pair.join > 0 ? pair.inter / pair.join : 0;
  if (a.method == ONDOL_NMS_GAUSSIAN) return score * reference::exp((iou * iou) * (float)(-1.0 / a.sigma));
  return suppressed ? score * (1 - iou) : score;
}

// One group; NaN marks what is gone.
std::vector<Selected> expected_group(const ondol_nms_args& a, int64_t image, int64_t group) {
  std::vector<float> scores;
  std::vector<Corners> boxes;
  for (int64_t c = a.agnostic ? 0 : group; c < (a.agnostic ? a.classes : group + 1); c++) {
    for (int64_t i = 0; i < a.boxes_count; i++) {
      const float s = a.scores[image * a.scores_batch + c * a.scores_class + i];
      const bool above = s > (float)a.score_threshold || (s == s && a.score_threshold == -__builtin_inf());
      const bool in = c != a.background && above;
      scores.push_back(in && (a.method == ONDOL_NMS_HARD || s >= (float)a.soft_threshold) ? s : nan());
      const float* box = a.boxes + image * a.boxes_batch + i * a.boxes_box + c * a.boxes_class;
      boxes.push_back(prepared(box, a.format, (float)a.offset));
    }
  }
  std::vector<Selected> out;
  while ((int64_t)out.size() < a.width) {
    int64_t best = -1;
    for (size_t i = 0; i < scores.size(); i++) {
      if (scores[i] == scores[i] && (best < 0 || scores[i] > scores[best])) best = (int64_t)i;
    }
    if (best < 0) break;
    out.push_back({(int32_t)best, scores[best]});
    scores[best] = nan();
    for (size_t i = 0; i < scores.size(); i++) {
      scores[i] = decayed(a, overlap(boxes[best], boxes[i], (float)a.offset), scores[i]);
      if (a.method != ONDOL_NMS_HARD && !(scores[i] >= (float)a.soft_threshold)) scores[i] = nan();
    }
  }
  return out;
}

std::vector<std::vector<Selected>> expected_rows(const ondol_nms_args& a) {
  std::vector<std::vector<Selected>> rows;
  const int64_t groups = a.agnostic ? 1 : a.classes;
  for (int64_t image = 0; image < a.batch; image++) {
    std::vector<std::pair<float, int64_t>> all;  // score, group
    for (int64_t g = 0; g < groups; g++) {
      rows.push_back(expected_group(a, image, g));
      for (const Selected& s : rows.back()) all.push_back({s.score, g});
    }
    if (a.image_limit < 0) continue;
    std::stable_sort(all.begin(), all.end(), [](const auto& p, const auto& q) { return p.first > q.first; });
    std::vector<size_t> kept(groups);
    for (size_t i = 0; i < all.size() && (int64_t)i < a.image_limit; i++) kept[all[i].second]++;
    for (int64_t g = 0; g < groups; g++) rows[image * groups + g].resize(kept[g]);
  }
  return rows;
}

void check_results(const NmsCase& c, const std::vector<std::vector<Selected>>& rows, const char* variant) {
  for (int64_t r = 0; r < c.rows(); r++) {
    EXPECT(c.counts[r] == (int64_t)rows[r].size(), "%s method %ld row %ld: %d selected, expected %zu", variant,
           (long)c.args.method, (long)r, c.counts[r], rows[r].size());
    for (int64_t i = 0; i < c.args.width; i++) {
      const bool in = i < (int64_t)rows[r].size();
      const int32_t index = in ? rows[r][i].index : -1;
      const float score = in ? rows[r][i].score : 0;
      const int64_t at = r * c.args.width + i;
      EXPECT(c.indices[at] == index && same(c.selected[at], score),
             "%s method %ld row %ld place %ld: %d %a, expected %d %a", variant,
             (long)c.args.method, (long)r, (long)i, c.indices[at], c.selected[at], index, score);
    }
  }
}

int64_t check_nms(NmsCase c) {
  const ondol_nms_args args = c.fresh();
  const auto rows = expected_rows(args);
  for (int64_t variant : variants("nms")) {
    const ondol_nms_args a = c.fresh();
    EXPECT(run_variant(ondol_nms_plan, ondol_nms_run, a, variant, 2) == ONDOL_OK, "nms");
    check_results(c, rows, ondol_variant_name("nms", variant));
  }
  const ondol_nms_args a = c.fresh();
  ondol_error error;
  EXPECT(ondol_nms(&a, &error) == ONDOL_OK, "%s", error.message);
  check_results(c, rows, "best");
  int64_t selected = 0;
  for (const auto& row : rows) selected += (int64_t)row.size();
  return selected;
}

bool before(float a, float b, bool largest) {
  if (a != a || b != b) return a == a;
  return largest ? a > b : a < b;
}

void check_topk(std::mt19937& random, int64_t rows, int64_t n, int64_t k, int kind) {
  const int64_t row = n + random() % 3;
  std::vector<float> x = values(random, rows * row, kind == 1), got(rows * k);
  for (size_t i = 0; i < x.size(); i++) {
    if (kind == 2) x[i] = (float)i;
    if (kind == 3) x[i] = (float)(random() % 3);
    if (kind == 4) x[i] = random() % 50 == 0 ? x[i] : nan();
  }
  std::vector<int32_t> indices(rows * k);
  for (int64_t largest : {1, 0}) {
    std::vector<int32_t> expected(n);
    for (int64_t variant : variants("topk")) {
      std::fill(got.begin(), got.end(), nan());
      std::fill(indices.begin(), indices.end(), -7);
      const ondol_topk_args a = {rows, n, k, x.data(), row, largest, got.data(), indices.data()};
      EXPECT(run_variant(ondol_topk_plan, ondol_topk_run, a, variant, 2) == ONDOL_OK, "topk");
      for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < n; i++) expected[i] = (int32_t)i;
        std::stable_sort(expected.begin(), expected.end(), [&](int32_t p, int32_t q) {
          return before(x[r * row + p], x[r * row + q], largest);
        });
        for (int64_t i = 0; i < k; i++) {
          EXPECT(indices[r * k + i] == expected[i] && same(got[r * k + i], x[r * row + expected[i]]),
                 "topk %s of %ld, k %ld, kind %d: row %ld place %ld is %d, expected %d",
                 ondol_variant_name("topk", variant), (long)n, (long)k, kind,
                 (long)r, (long)i, indices[r * k + i], expected[i]);
        }
      }
    }
  }
}

template <class Args>
void refused(const char* argument, int64_t (*call)(const Args*, ondol_error*), const Args& args) {
  ondol_error error;
  EXPECT(call(&args, &error) == ONDOL_INVALID_ARGUMENT, "%s should be refused", argument);
  EXPECT(strstr(error.message, argument) != nullptr, "the message should name %s: %s", argument, error.message);
}

void bad_arguments(std::mt19937& random) {
  NmsCase c = nms_case(random, ONDOL_NMS_GAUSSIAN, 5, 2);
  c.args.agnostic = 0, c.args.background = -1, c.args.image_limit = -1, c.args.width = 5;
  const ondol_nms_args good = c.fresh();
  ondol_error error;
  EXPECT(ondol_nms(&good, &error) == ONDOL_OK, "%s", error.message);
#define REFUSED(field, value)              \
  {                                        \
    ondol_nms_args bad = good;             \
    bad.field = value;                     \
    refused(#field, ondol_nms, bad);       \
  }
  REFUSED(format, 3) REFUSED(method, -1) REFUSED(offset, 2) REFUSED(inclusive, 2) REFUSED(background, 2)
  REFUSED(image_limit, -2) REFUSED(width, 6) REFUSED(width, -1) REFUSED(iou_threshold, -0.5)
  REFUSED(iou_threshold, __builtin_nan("")) REFUSED(score_threshold, -0.5) REFUSED(score_threshold, -__builtin_inf())
  REFUSED(soft_threshold, -1) REFUSED(sigma, 0) REFUSED(sigma, 1e-300)
  REFUSED(boxes, nullptr) REFUSED(scores, nullptr) REFUSED(indices, nullptr) REFUSED(selected, nullptr)
  REFUSED(counts, nullptr) REFUSED(boxes_count, int64_t(1) << 31) REFUSED(boxes_box, INT64_MAX) REFUSED(batch, -1)
  REFUSED(selected, c.scores.data())
#undef REFUSED
  float x[4] = {1, 2, 3, 4}, values[4];
  int32_t indices[4];
  const ondol_topk_args topk = {2, 2, 2, x, 2, 1, values, indices};
  EXPECT(ondol_topk(&topk, &error) == ONDOL_OK && indices[0] == 1 && indices[3] == 0, "%s", error.message);
#define REFUSED(field, value)              \
  {                                        \
    ondol_topk_args bad = topk;            \
    bad.field = value;                     \
    refused(#field, ondol_topk, bad);      \
  }
  REFUSED(k, 3) REFUSED(k, -1) REFUSED(n, int64_t(1) << 31) REFUSED(rows, -1) REFUSED(largest, 2) REFUSED(x, nullptr)
  REFUSED(values, nullptr) REFUSED(indices, nullptr) REFUSED(values, x) REFUSED(x_row, -2)
#undef REFUSED
}

}  // namespace

int main() {
  const unsigned s = seed();
  printf("seed %u\n", s);
  std::mt19937 random(s);
  int64_t selected = 0;
  for (int i = 0; i < rounds(400); i++) {
    const int64_t boxes = random() % 6 == 0 ? random() % 260 : random() % 40, classes = 1 + random() % 4;
    selected += check_nms(nms_case(random, i % 3, boxes, classes));
  }
  EXPECT(selected > 100, "too few of the cases select anything: %ld", (long)selected);
  NmsCase large = nms_case(random, ONDOL_NMS_HARD, 3000, 1);
  selected = check_nms(large);
  for (int kind = 0; kind < 5; kind++) {
    for (int64_t n : {0, 1, 15, 16, 17, 100, 257}) {
      for (int64_t k : {(int64_t)0, (int64_t)1, n / 3, n}) check_topk(random, 3, n, std::min(k, n), kind);
    }
    check_topk(random, 1, 9000, 700, kind);
    check_topk(random, 1, 5000, 5, kind);
    check_topk(random, 2, 9001, 1500, kind);
    check_topk(random, 1, 60000, 2000, kind);
    check_topk(random, 1, 5000, 5000, kind);
  }
  bad_arguments(random);
  return finish();
}
