// What every attention kernel knows of a call: its operands, the items of the batch, which keys a row sees, and what
// turns a dot product into a score.
#ifndef ONDOL_CUDA_ATTENTION_PROBLEM_CUH
#define ONDOL_CUDA_ATTENTION_PROBLEM_CUH

#include "../common/math.cuh"

namespace ondol::cuda {

constexpr int KEY_BLOCK = 128;   // keys between two rescalings of the running sums; part of the definition
constexpr int SPLIT_KEYS = 256;  // keys of a chunk where an item's keys are split; part of the definition
constexpr int SPLIT_ROWS = 16;   // an item with more rows is never split; part of the definition

struct Problem {
  ondol_attention_args args;
  float query_scale;     // scale in units of log 2, applied to q
  float cap_in, cap_out; // softcap: z = tanh(z * cap_in) * cap_out; cap_out 0: none
  uint32_t drop_below;   // a weight is dropped when its random word is less
  float keep_scale;      // 1 / (1 - dropout)
};

inline Problem problem_of(const ondol_attention_args& args) {
  constexpr double LOG2E_DOUBLE = 1.4426950408889634;
  constexpr double LN2_DOUBLE = 0.6931471805599453;
  Problem problem{args, static_cast<float>(args.scale * LOG2E_DOUBLE), 0, 0, 0, 1};
  if (args.softcap != 0) {
    problem.cap_in = static_cast<float>(LN2_DOUBLE / args.softcap);
    problem.cap_out = static_cast<float>(args.softcap * LOG2E_DOUBLE);
  }
  if (args.dropout > 0) {
    problem.drop_below = static_cast<uint32_t>(args.dropout * 4294967296.0);
    problem.keep_scale = static_cast<float>(1.0 / (1.0 - args.dropout));
  }
  // A window wider than everything is no window; cut, it cannot overflow when it is added to an index.
  int64_t widest = args.q_len + args.kv_len;
  if (args.window_left > widest) problem.args.window_left = -1;
  if (args.window_right > widest) problem.args.window_right = -1;
  return problem;
}

// One item of the batch. `stored` keys have a place in K and V (and in their gradients), `keys` of them are in use.
struct Item {
  int64_t batch, first_row, rows, first_key, stored, keys;
  int64_t diagonal;  // of row 0: row i sits at key i + diagonal
};

ONDOL_DEVICE Item item_of(const ondol_attention_args& args, int64_t b) {
  Item item{b, 0, args.q_len, 0, args.kv_len, args.kv_len, 0};
  if (args.q_offsets != nullptr) {
    item.first_row = args.q_offsets[b];
    item.rows = args.q_offsets[b + 1] - item.first_row;
    item.first_key = args.kv_offsets[b];
    item.stored = args.kv_offsets[b + 1] - item.first_key;
    item.keys = item.stored;
  }
  if (args.kv_lengths != nullptr) {
    int64_t length = args.kv_lengths[b];
    item.keys = length < 0 ? 0 : length < item.stored ? length : item.stored;
  }
  item.diagonal = args.bottom_right != 0 ? item.keys - item.rows : 0;
  return item;
}

ONDOL_DEVICE bool is_split(const Item& item) { return item.rows <= SPLIT_ROWS && item.keys > SPLIT_KEYS; }

// Where row i of an operand stored like q begins, counted in elements.
ONDOL_DEVICE int64_t row_at(const ondol_attention_args& args, const Item& item, const int64_t (&stride)[3], int64_t h,
                            int64_t i) {
  int64_t batch = args.q_offsets != nullptr ? 0 : item.batch * stride[0];
  return batch + h * stride[1] + (item.first_row + i) * stride[2];
}

// The same for key j of an operand stored like k; -1 where its page does not exist.
ONDOL_DEVICE int64_t key_at(const ondol_attention_args& args, const Item& item, const int64_t (&stride)[3], int64_t h,
                            int64_t j) {
  if (args.pages != nullptr) {
    int64_t page = args.pages[item.batch * args.pages_per_batch + j / args.page_size];
    if (page < 0 || page >= args.page_count) return -1;
    return page * stride[0] + h * stride[1] + j % args.page_size * stride[2];
  }
  int64_t batch = args.kv_offsets != nullptr ? 0 : item.batch * stride[0];
  return batch + h * stride[1] + (item.first_key + j) * stride[2];
}

struct Range {
  int64_t begin, end;
};

// Keys that any of the rows [first, last] may see, by the windows alone.
ONDOL_DEVICE Range visible_keys(const ondol_attention_args& args, const Item& item, int64_t first, int64_t last) {
  Range range{0, item.keys};
  if (args.window_left >= 0) {
    int64_t begin = first + item.diagonal - args.window_left;
    if (begin > range.begin) range.begin = begin;
  }
  if (args.window_right >= 0) {
    int64_t end = last + item.diagonal + args.window_right + 1;
    if (end < range.end) range.end = end;
  }
  return range;
}

// Rows that may see any of the keys [first, last].
ONDOL_DEVICE Range seeing_rows(const ondol_attention_args& args, const Item& item, int64_t first, int64_t last) {
  Range range{0, first < item.keys ? item.rows : 0};
  if (args.window_right >= 0) {
    int64_t begin = first - item.diagonal - args.window_right;
    if (begin > range.begin) range.begin = begin;
  }
  if (args.window_left >= 0) {
    int64_t end = last - item.diagonal + args.window_left + 1;
    if (end < range.end) range.end = end;
  }
  return range;
}

ONDOL_DEVICE bool is_visible(const ondol_attention_args& args, const Item& item, int64_t h, int64_t i, int64_t j) {
  if (i >= item.rows || j >= item.keys) return false;
  int64_t beside = j - (i + item.diagonal);
  if (args.window_left >= 0 && beside < -args.window_left) return false;
  if (args.window_right >= 0 && beside > args.window_right) return false;
  if (args.mask == nullptr) return true;
  return args.mask[item.batch * args.mask_stride[0] + h * args.mask_stride[1] + i * args.mask_stride[2] +
                   j * args.mask_stride[3]] != 0;
}

struct Score {
  float z;
  float capped;  // z as softcap left it
};

// From the dot product of a visible pair to its score in units of log 2.
ONDOL_DEVICE Score score_of(const Problem& problem, const Item& item, int64_t h, int64_t i, int64_t j, float dot) {
  const ondol_attention_args& args = problem.args;
  float z = dot;
  if (problem.cap_out != 0.0f) z = mul(tanh(mul(z, problem.cap_in)), problem.cap_out);
  float capped = z;
  if (args.alibi != nullptr) {
    int64_t beside = j - (i + item.diagonal);
    float distance = static_cast<float>(beside < 0 ? -beside : beside);
    z = fma(-mul(args.alibi[h], LOG2E), distance, z);
  }
  if (args.bias != nullptr) {
    z = fma(args.bias[item.batch * args.bias_stride[0] + h * args.bias_stride[1] + i * args.bias_stride[2] +
                      j * args.bias_stride[3]], LOG2E, z);
  }
  return {z, capped};
}

// Word j mod 4 of Philox-4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") at counter
// (j / 4, i, h, b).
ONDOL_DEVICE uint32_t random_word(int64_t seed, int64_t b, int64_t h, int64_t i, int64_t j) {
  uint32_t counter[4] = {static_cast<uint32_t>(j / 4), static_cast<uint32_t>(i), static_cast<uint32_t>(h),
                         static_cast<uint32_t>(b)};
  uint32_t key0 = static_cast<uint32_t>(seed);
  uint32_t key1 = static_cast<uint32_t>(static_cast<uint64_t>(seed) >> 32);
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    uint32_t high0 = __umulhi(0xD2511F53u, counter[0]);
    uint32_t low0 = 0xD2511F53u * counter[0];
    uint32_t high1 = __umulhi(0xCD9E8D57u, counter[2]);
    uint32_t low1 = 0xCD9E8D57u * counter[2];
    counter[0] = high1 ^ counter[1] ^ key0;
    counter[1] = low1;
    counter[2] = high0 ^ counter[3] ^ key1;
    counter[3] = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  int word = static_cast<int>(j % 4);
  return word == 0 ? counter[0] : word == 1 ? counter[1] : word == 2 ? counter[2] : counter[3];
}

// The factor of a weight: 0 where it is dropped.
ONDOL_DEVICE float dropout_factor(const Problem& problem, const Item& item, int64_t h, int64_t i, int64_t j) {
  bool kept = random_word(problem.args.seed, item.batch, h, i, j) >= problem.drop_below;
  return kept ? problem.keep_scale : 0.0f;
}

}  // namespace ondol::cuda

#endif
