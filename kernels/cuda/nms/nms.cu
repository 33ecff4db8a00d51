// Non-maximum suppression by repeated maximum: a block owns a group and holds the scores that remain. A step selects
// the greatest, and each thread lowers or removes the scores of its own candidates and finds the greatest of them. Hard
// and soft differ in that alone. The block waits once a step, and there is no matrix of pairs.
#include "boxes.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 512;
constexpr int LIMIT_THREADS = 128;

ONDOL_DEVICE bool selectable(uint64_t word) { return word != NO_WORD; }

// A group, its candidates and its row of results. Scores of candidates that are gone are NaN.
struct Group {
  const ondol_nms_args& a;
  int64_t row, image, group;
  float* scores;

  ONDOL_DEVICE Group(const ondol_nms_args& args, int64_t row, int64_t groups, int64_t candidates, float* workspace)
      : a(args), row(row), image(row / groups), group(row % groups), scores(workspace + row * candidates) {}

  ONDOL_DEVICE int64_t class_of(int64_t i) const { return a.agnostic ? i / a.boxes_count : group; }
  ONDOL_DEVICE int64_t box_of(int64_t i) const { return a.agnostic ? i % a.boxes_count : i; }

  ONDOL_DEVICE float score(int64_t i) const {
    return a.scores[image * a.scores_batch + class_of(i) * a.scores_class + box_of(i)];
  }

  ONDOL_DEVICE Box box(int64_t i) const {
    const float* p = a.boxes + image * a.boxes_batch + box_of(i) * a.boxes_box + class_of(i) * a.boxes_class;
    return prepare_box(p, a.format, static_cast<float>(a.offset));
  }

  // The score with which a candidate starts, or NaN.
  ONDOL_DEVICE float start(int64_t i) const {
    float threshold = static_cast<float>(a.score_threshold), s = score(i);
    int32_t floor = threshold == -infinity() ? NAN_KEY : order_key(threshold, 0);
    bool in = class_of(i) != a.background && order_key(s, 0) > floor &&
              (a.method == ONDOL_NMS_HARD || s >= static_cast<float>(a.soft_threshold));
    return in ? s : not_a_number();
  }

  // What a selected box leaves of a score.
  ONDOL_DEVICE float left(const Box& selected, int64_t i, float s) const {
    Overlap o = overlap(selected, box(i), static_cast<float>(a.offset));
    float limit = mul(static_cast<float>(a.iou_threshold), o.join);
    bool suppressed = a.inclusive ? o.inter >= limit && o.join > 0.0f : o.inter > limit;
    if (a.method == ONDOL_NMS_HARD) return suppressed ? not_a_number() : s;
    float iou = o.join > 0.0f ? div(o.inter, o.join) : 0.0f;
    if (a.method == ONDOL_NMS_GAUSSIAN) {
      s = mul(s, exp(mul(mul(iou, iou), static_cast<float>(-1.0 / a.sigma))));
    } else if (suppressed) {
      s = mul(s, sub(1.0f, iou));
    }
    return s >= static_cast<float>(a.soft_threshold) ? s : not_a_number();
  }

  ONDOL_DEVICE void select(int64_t place, int64_t candidate, float s) const {
    a.indices[row * a.width + place] = static_cast<int32_t>(candidate);
    a.selected[row * a.width + place] = s;
  }
};

ONDOL_DEVICE uint64_t score_word(float s, int64_t i) { return is_nan(s) ? NO_WORD : order_word(order_key(s, 0), i); }

__global__ void __launch_bounds__(THREADS, 1)
nms(ondol_nms_args a, float* workspace, int64_t groups, int64_t candidates) {
  auto& reduction = shared<BlockReduction<THREADS>>();
  Group group(a, blockIdx.x, groups, candidates, workspace);
  uint64_t best = NO_WORD;
  for (int64_t i = threadIdx.x; i < candidates; i += THREADS) {
    float s = group.start(i);
    group.scores[i] = s;
    best = Least()(best, score_word(s, i));
  }
  int64_t count = 0;
  for (; count < a.width; ++count) {
    uint64_t word = reduction.all(best, static_cast<int>(count % 2), Least());
    if (!selectable(word)) break;
    int64_t selected = word_position(word);
    Box box = group.box(selected);
    best = NO_WORD;
    for (int64_t i = threadIdx.x; i < candidates; i += THREADS) {
      float s = group.scores[i];
      if (is_nan(s)) continue;
      if (i == selected) {
        group.select(count, i, s);
        s = not_a_number();
      } else {
        s = group.left(box, i, s);
      }
      group.scores[i] = s;
      best = Least()(best, score_word(s, i));
    }
  }
  if (threadIdx.x == 0) a.counts[group.row] = static_cast<int32_t>(count);
  for (int64_t i = count + threadIdx.x; i < a.width; i += THREADS) group.select(i, -1, 0.0f);
}

// The limit of an image: a block owns it, a thread some of its groups. Each group keeps its first results.
struct Limit {
  const ondol_nms_args& a;
  int64_t first, groups;

  ONDOL_DEVICE int64_t count(int64_t g) const {
    int64_t count = a.counts[first + g];
    return count < 0 ? 0 : count > a.width ? a.width : count;  // whatever another thread made of it
  }

  // Keys that ascend as unsigned numbers.
  ONDOL_DEVICE uint32_t key(int64_t g, int64_t i) const {
    return static_cast<uint32_t>(order_key(a.selected[(first + g) * a.width + i], 0)) ^ 0x80000000u;
  }

  // Results of a group with at least this key. Scores descend.
  ONDOL_DEVICE int64_t reach(int64_t g, uint32_t least) const {
    int64_t low = 0, high = count(g);
    while (low < high) {
      int64_t middle = (low + high) / 2;
      if (key(g, middle) >= least) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  ONDOL_DEVICE int64_t above(int64_t g, uint32_t least) const { return least == UINT32_MAX ? 0 : reach(g, least + 1); }

  // Of this thread's groups together.
  ONDOL_DEVICE uint64_t reach_all(uint32_t least) const {
    uint64_t sum = 0;
    for (int64_t g = threadIdx.x; g < groups; g += LIMIT_THREADS) sum += static_cast<uint64_t>(reach(g, least));
    return sum;
  }
};

__global__ void __launch_bounds__(LIMIT_THREADS) nms_limit(ondol_nms_args a, int64_t groups, int32_t* kept) {
  auto& reduction = shared<BlockReduction<LIMIT_THREADS>>();
  Limit limit = {a, static_cast<int64_t>(blockIdx.x) * groups, groups};
  uint64_t wanted = static_cast<uint64_t>(a.image_limit);
  if (reduction.all(limit.reach_all(0), 0, Sum()) <= wanted) return;
  uint32_t least = 0;  // the greatest key that as many results as wanted reach, found bit by bit
  int turn = 1;
  for (uint32_t bit = 0x80000000u; bit != 0; bit >>= 1, turn ^= 1) {
    if (reduction.all(limit.reach_all(least | bit), turn, Sum()) >= wanted) least |= bit;
  }
  uint64_t above = reduction.all(least == UINT32_MAX ? 0 : limit.reach_all(least + 1), turn, Sum());
  if (threadIdx.x == 0) {
    int64_t ties = a.image_limit - static_cast<int64_t>(above);
    for (int64_t g = 0; g < groups; ++g) {
      int64_t first = limit.above(g, least), equal = limit.reach(g, least) - first;
      int64_t taken = equal < ties ? equal : ties;
      taken = taken < 0 ? 0 : taken;
      kept[limit.first + g] = static_cast<int32_t>(first + taken);
      ties -= taken;
    }
  }
  __syncthreads();
  for (int64_t i = threadIdx.x; i < groups * a.width; i += LIMIT_THREADS) {
    if (i % a.width < kept[limit.first + i / a.width]) continue;
    a.indices[limit.first * a.width + i] = -1;
    a.selected[limit.first * a.width + i] = 0.0f;
  }
  for (int64_t g = threadIdx.x; g < groups; g += LIMIT_THREADS) a.counts[limit.first + g] = kept[limit.first + g];
}

int64_t groups_of(const ondol_nms_args* a) { return a->agnostic ? 1 : a->classes; }
int64_t candidates_of(const ondol_nms_args* a) { return a->agnostic ? a->classes * a->boxes_count : a->boxes_count; }
bool limited(const ondol_nms_args* a) { return a->image_limit >= 0 && groups_of(a) > 1; }

int64_t score_bytes(const ondol_nms_args* a) {
  return ceil_div(a->batch * groups_of(a) * candidates_of(a) * static_cast<int64_t>(sizeof(float)), 256) * 256;
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_nms_workspace(const ondol_nms_args* args) {
  int64_t kept = limited(args) ? args->batch * groups_of(args) * static_cast<int64_t>(sizeof(int32_t)) : 0;
  return score_bytes(args) + kept;
}

int64_t ondol_cuda_nms(const ondol_nms_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  int64_t groups = groups_of(args);
  launcher.launch("nms", nms, args->batch * groups, THREADS, sizeof(BlockReduction<THREADS>), *args,
                  static_cast<float*>(queue->workspace), groups, candidates_of(args));
  if (limited(args)) {
    auto* kept = reinterpret_cast<int32_t*>(static_cast<char*>(queue->workspace) + score_bytes(args));
    launcher.launch("nms", nms_limit, args->batch, LIMIT_THREADS, sizeof(BlockReduction<LIMIT_THREADS>), *args, groups,
                    kept);
  }
  return launcher.status();
}
