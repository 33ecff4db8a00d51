// The emulated attention kernels of bfloat16 and float16, for Hopper and for every other device, against float64: no
// error above twice that of a naive kernel of the same precision. What no row may see (beyond a length, of other
// sequences, in unused pages) is NaN.
#include "emulated.h"
#include "narrow_reference.h"
#ifndef ONDOL_TEST_DEVICE
#include "emulate_hopper.h"
#endif

using namespace testing;

static std::mt19937 random_source;

static bool chance(unsigned of) { return random_source() % of == 0; }

// Of the emulated device, with so many blocks under way; a real one is what it is.
static void set_hopper(bool hopper) {
#ifndef ONDOL_TEST_DEVICE
  ondol::cuda::emulate::set_capability(hopper ? 90 : 80);
  ondol::cuda::emulate::set_resident(hopper ? 2 + static_cast<int>(random_source() % 3) : 1);
#else
  (void)hopper;
#endif
}

static int64_t below(int64_t end) { return static_cast<int64_t>(random_source() % static_cast<uint64_t>(end)); }

static int64_t pick(std::initializer_list<int64_t> choices) {
  return choices.begin()[random_source() % choices.size()];
}

// [batch, heads, positions, width], dense or with heads inside positions; `whole`: steps of 16 bytes.
struct Operand {
  std::vector<uint16_t> data;
  int64_t stride[3];

  Operand(int64_t batch, int64_t heads, int64_t positions, int64_t width, bool whole, bool bfloat16) {
    int64_t padded = whole ? (width + 7) / 8 * 8 + 8 * below(2) : width + below(2);
    bool heads_inside = chance(2);
    stride[2] = heads_inside ? heads * padded : padded;
    stride[1] = heads_inside ? padded : positions * padded;
    stride[0] = heads * positions * padded;
    std::normal_distribution<double> normal(0, 1);
    data.resize(static_cast<size_t>(batch * stride[0]) + 16);
    for (uint16_t& x : data) x = reference::to_narrow(normal(random_source), bfloat16);
  }

  // std::vector gives 16 bytes.
  const float* at() const { return reinterpret_cast<const float*>(data.data()); }
};

// What kind of calls are made.
struct Kind {
  bool hopper;  // those that Hopper's kernel takes
  bool few_rows;
  bool backward;
  bool many_keys = false;
};

struct Case {
  ondol_attention_args args = {};
  std::vector<Operand> operands;
  std::vector<uint8_t> mask;
  std::vector<float> bias, alibi;
  std::vector<int64_t> lengths, q_offsets, kv_offsets, pages;
  int64_t stored_batch, stored_rows, stored_keys;
  bool whole;

  explicit Case(const Kind& kind) {
    operands.reserve(8);
    args.precision = chance(2) ? ONDOL_BFLOAT16 : ONDOL_FLOAT16;
    whole = kind.hopper || chance(2);
    shape(kind);
    if (chance(3)) {
      pack();
    } else if (!kind.hopper && !kind.backward && chance(3)) {
      page();
    }
    Operand& q = add(stored_batch, args.heads, stored_rows, args.head_dim);
    Operand& k = add(args.pages ? args.page_count : stored_batch, args.kv_heads, stored_keys, args.head_dim);
    Operand& v = add(args.pages ? args.page_count : stored_batch, args.kv_heads, stored_keys, args.value_dim);
    hide_unused(k, args.head_dim);
    hide_unused(v, args.value_dim);
    args.q = q.at();
    args.k = k.at();
    args.v = v.at();
    memcpy(args.q_stride, q.stride, sizeof q.stride);
    memcpy(args.k_stride, k.stride, sizeof k.stride);
    memcpy(args.v_stride, v.stride, sizeof v.stride);
    Operand& out = add(stored_batch, args.heads, stored_rows, args.value_dim);
    memcpy(args.out_stride, out.stride, sizeof out.stride);
    std::fill(out.data.begin(), out.data.end(), uint16_t{0x7FFF});
    args.lse_stride[0] = args.heads * stored_rows;
    args.lse_stride[1] = stored_rows;
    args.lse_stride[2] = 1;
    options(kind);
  }

  bool bfloat16() const { return args.precision == ONDOL_BFLOAT16; }

  Operand& add(int64_t batch, int64_t heads, int64_t positions, int64_t width) {
    operands.emplace_back(batch, heads, positions, width, whole, bfloat16());
    return operands.back();
  }

  void shape(const Kind& kind) {
    args.batch = pick({1, 2});
    args.kv_heads = pick({1, 2});
    args.heads = args.kv_heads * pick({1, 2, 3});
    args.q_len = kind.few_rows ? pick({1, 2, 7, 16}) : pick({17, 33, 64, 65, 100, 130});
    args.kv_len = pick({1, 5, 63, 64, 65, 100, 128, 129, 200, 257, 300, 400});
    if (kind.few_rows && chance(2)) args.kv_len = pick({256, 257, 520, 700});
    args.head_dim = pick({8, 16, 40, 64, 72, 128});
    args.value_dim = chance(2) ? args.head_dim : pick({8, 24, 64, 80, 128});
    if (!whole) args.head_dim -= below(3), args.value_dim -= below(3);
    if (chance(5)) args.value_dim = pick({136, 256});
    if (chance(8)) args.head_dim = 256;
    if (kind.backward || args.head_dim > 128 || args.value_dim > 128) args.kv_len = std::min<int64_t>(args.kv_len, 150);
    if (kind.many_keys) crowd();
    if (args.batch * args.heads > 3 && !kind.many_keys) args.kv_len = std::min<int64_t>(args.kv_len, kind.few_rows ? 300 : 140);
    stored_batch = args.batch;
    stored_rows = args.q_len;
    stored_keys = args.kv_len;
    if (chance(2)) {
      for (int64_t b = 0; b < args.batch; b++) lengths.push_back(below(args.kv_len + 1));
      args.kv_lengths = lengths.data();
    }
  }

  // Blocks of several tiles of keys come to the same rows.
  void crowd() {
    args.batch = args.kv_heads = 1;
    args.heads = pick({1, 2, 8});
    args.q_len = args.heads == 8 ? pick({1, 7, 33}) : pick({1, 64, 65, 130, 200});
    args.kv_len = pick({257, 384, 500});
    args.head_dim = args.value_dim = pick({40, 64, 128});
  }

  void pack() {
    lengths.clear();
    args.kv_lengths = nullptr;
    q_offsets = {0};
    kv_offsets = {0};
    for (int64_t b = 0; b < args.batch; b++) {
      bool longest = b == args.batch - 1;
      q_offsets.push_back(q_offsets.back() + (longest ? args.q_len : below(args.q_len + 1)));
      kv_offsets.push_back(kv_offsets.back() + (longest ? args.kv_len : below(args.kv_len + 1)));
    }
    args.q_offsets = q_offsets.data();
    args.kv_offsets = kv_offsets.data();
    stored_batch = 1;
    stored_rows = q_offsets.back();
    stored_keys = kv_offsets.back();
  }

  void page() {
    args.page_size = pick({1, 16, 48});
    args.pages_per_batch = (args.kv_len + args.page_size - 1) / args.page_size;
    args.kv_len = args.pages_per_batch * args.page_size;
    args.page_count = args.pages_per_batch * args.batch;
    for (int64_t p = 0; p < args.page_count; p++) pages.push_back(p);
    std::shuffle(pages.begin(), pages.end(), random_source);
    args.pages = pages.data();
    lengths.resize(static_cast<size_t>(args.batch));
    for (int64_t& length : lengths) length = below(args.kv_len + 1);
    args.kv_lengths = lengths.data();
    stored_keys = args.page_size;
  }

  // NaN in keys beyond a length, and between the rows.
  void hide_unused(Operand& operand, int64_t width) {
    std::vector<uint16_t> all(operand.data.size(), 0x7FFF);
    std::swap(all, operand.data);
    for (int64_t b = 0; b < args.batch; b++) {
      int64_t keys = args.kv_offsets ? args.kv_offsets[b + 1] - args.kv_offsets[b] : args.kv_len;
      if (args.kv_lengths) keys = args.kv_lengths[b];
      for (int64_t h = 0; h < args.kv_heads; h++) {
        for (int64_t j = 0; j < keys; j++) {
          int64_t batch = b, position = j;
          if (args.pages) {
            batch = args.pages[b * args.pages_per_batch + j / args.page_size];
            position = j % args.page_size;
          }
          if (args.kv_offsets) batch = 0, position += args.kv_offsets[b];
          const int64_t at = batch * operand.stride[0] + h * operand.stride[1] + position * operand.stride[2];
          std::copy_n(all.begin() + at, width, operand.data.begin() + at);
        }
      }
    }
  }

  int64_t pair_strides(int64_t (&stride)[4]) {
    const int64_t extents[] = {args.batch, args.heads, args.q_len, args.kv_len};
    int64_t size = 1;
    for (int d = 3; d >= 0; d--) {
      bool shared = chance(d < 2 ? 2 : 6);
      stride[d] = shared ? 0 : size;
      if (!shared) size *= extents[d];
    }
    return size;
  }

  void options(const Kind& kind) {
    args.scale = chance(3) ? 0.31 : 1 / std::sqrt(static_cast<double>(args.head_dim));
    args.bottom_right = kind.many_keys ? !chance(4) : chance(2);
    args.window_left = chance(kind.many_keys ? 2 : 3) ? below(150) : -1;
    args.window_right = chance(3) ? below(40) : chance(2) ? 0 : -1;
    args.seed = static_cast<int64_t>((static_cast<uint64_t>(random_source()) << 32) | random_source());
    if (kind.hopper || chance(2)) return;
    if (chance(3)) {
      mask.resize(static_cast<size_t>(pair_strides(args.mask_stride)));
      for (uint8_t& m : mask) m = random_source() % 4 != 0;
      args.mask = mask.data();
    }
    if (chance(3)) {
      bias = values(random_source, pair_strides(args.bias_stride), false);
      args.bias = bias.data();
    }
    if (chance(3)) {
      alibi = values(random_source, args.heads, false);
      args.alibi = alibi.data();
    }
    if (chance(4)) args.softcap = 3.5;
    if (chance(3)) args.dropout = 0.3;
    if (chance(5)) args.scale = -args.scale;
  }

  void print() const {
    const ondol_attention_args& a = args;
    printf("B%lld H%lld/%lld Lq%lld Lk%lld D%lld Dv%lld %s whole=%d lengths=%d packed=%d pages=%d mask=%d bias=%d "
           "alibi=%d right=%lld window=%lld,%lld softcap=%g dropout=%g scale=%g\n",
           (long long)a.batch, (long long)a.heads, (long long)a.kv_heads, (long long)a.q_len, (long long)a.kv_len,
           (long long)a.head_dim, (long long)a.value_dim, bfloat16() ? "bfloat16" : "float16", whole,
           a.kv_lengths != nullptr, a.q_offsets != nullptr, a.pages != nullptr, a.mask != nullptr, a.bias != nullptr,
           a.alibi != nullptr, (long long)a.bottom_right, (long long)a.window_left, (long long)a.window_right,
           a.softcap, a.dropout, a.scale);
  }
};

// The greatest difference from the oracle; what the oracle leaves NaN must be NaN, and what it says is infinite too.
static double worst(const char* what, const std::vector<double>& actual, const std::vector<double>& oracle) {
  double largest = 0;
  for (size_t i = 0; i < oracle.size(); i++) {
    if (!std::isfinite(oracle[i])) {
      bool equal = std::isnan(oracle[i]) ? std::isnan(actual[i]) : actual[i] == oracle[i];
      EXPECT(equal, "%s[%zu] = %g, expected %g", what, i, actual[i], oracle[i]);
      continue;
    }
    EXPECT(std::isfinite(actual[i]), "%s[%zu] = %g, expected %g", what, i, actual[i], oracle[i]);
    largest = std::max(largest, std::fabs(actual[i] - oracle[i]));
  }
  return largest;
}

static double greatest(const std::vector<double>& x) {
  double largest = 0;
  for (double value : x) {
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
  }
  return largest;
}

static std::vector<double> widened(const std::vector<uint16_t>& data, size_t count, bool bfloat16) {
  std::vector<double> wide(count);
  for (size_t i = 0; i < count; i++) wide[i] = reference::from_narrow(data[i], bfloat16);
  return wide;
}

// Of gradients: where a row sees one key its score gradients cancel, and what is left of them are the last bits of float32.
constexpr double CANCELLED = 1e-5;

static bool within(const char* what, const std::vector<double>& actual, const std::vector<double>& naive,
                   const std::vector<double>& oracle, double unit, double cancelled = 0) {
  double error = worst(what, actual, oracle);
  double bound = 2 * worst("naive", naive, oracle) + unit * greatest(oracle) + cancelled;
  EXPECT(error <= bound, "%s: error %g, of a naive kernel of this precision at most %g", what, error, bound);
  return error <= bound;
}

static void check_forward(const Kind& kind) {
  Case c(kind);
  int before = failures;
  ondol_attention_backward_args all = {};
  std::vector<uint16_t>& out = c.operands[3].data;
  std::vector<float> lse(static_cast<size_t>(c.stored_batch * c.args.heads * c.stored_rows), nan());
  c.args.out = reinterpret_cast<float*>(out.data());
  c.args.lse = lse.data();
  all.forward = c.args;
  reference::NarrowResult oracle = reference::narrow_attention(all, false, false);
  reference::NarrowResult naive = reference::narrow_attention(all, true, false);
  set_hopper(kind.hopper);
  uint64_t products = wgmmas();
  run_emulated(ondol_cuda_attention_workspace, ondol_cuda_attention, c.args);
  bool sees = false;
  for (double x : oracle.lse) sees |= std::isfinite(x);
  if (sees) expect_hopper(products, kind.hopper, "forward");
  double unit = c.bfloat16() ? 0x1p-8 : 0x1p-11;
  within("out", widened(out, oracle.out.size(), c.bfloat16()), naive.out, oracle.out, unit);
  within("lse", std::vector<double>(lse.begin(), lse.end()), naive.lse, oracle.lse, 1e-5);
  if (failures != before) c.print();
}

// The forward's results are the oracle's, rounded.
static void check_backward(bool hopper, bool many_keys = false) {
  Case c({hopper, chance(4), true, many_keys});
  ondol_attention_backward_args all = {};
  all.forward = c.args;
  Operand& dout = c.add(c.stored_batch, c.args.heads, c.stored_rows, c.args.value_dim);
  Operand& dq = c.add(c.stored_batch, c.args.heads, c.stored_rows, c.args.head_dim);
  Operand& dk = c.add(c.stored_batch, c.args.kv_heads, c.stored_keys, c.args.head_dim);
  Operand& dv = c.add(c.stored_batch, c.args.kv_heads, c.stored_keys, c.args.value_dim);
  all.dout = dout.at();
  memcpy(all.dout_stride, dout.stride, sizeof dout.stride);
  memcpy(all.dq_stride, dq.stride, sizeof dq.stride);
  memcpy(all.dk_stride, dk.stride, sizeof dk.stride);
  memcpy(all.dv_stride, dv.stride, sizeof dv.stride);
  reference::NarrowResult oracle = reference::narrow_attention(all, false, true);
  reference::NarrowResult naive = reference::narrow_attention(all, true, true);
  std::vector<uint16_t>& out = c.operands[3].data;
  for (size_t i = 0; i < oracle.out.size(); i++) out[i] = reference::to_narrow(oracle.out[i], c.bfloat16());
  std::vector<float> lse(oracle.lse.begin(), oracle.lse.end());
  all.forward.out = reinterpret_cast<float*>(out.data());
  all.forward.lse = lse.data();
  all.dq = reinterpret_cast<float*>(dq.data.data());
  all.dk = reinterpret_cast<float*>(dk.data.data());
  all.dv = reinterpret_cast<float*>(dv.data.data());
  Operand* const gradients[] = {&dq, &dk, &dv};
  for (Operand* gradient : gradients) std::fill(gradient->data.begin(), gradient->data.end(), uint16_t{0x7FFF});
  std::vector<float> dbias(oracle.dbias.size(), nan());
  if (!dbias.empty()) all.dbias = dbias.data();
  memcpy(all.dbias_stride, c.args.bias_stride, sizeof all.dbias_stride);
  set_hopper(hopper);
  uint64_t products = wgmmas();
  run_emulated(ondol_cuda_attention_backward_workspace, ondol_cuda_attention_backward, all);
  bool wide = c.args.head_dim > 128 || c.args.value_dim > 128;
  if (greatest(oracle.dv) > 0) expect_hopper(products, hopper && !wide, "gradient");
  const std::vector<double>* expected[] = {&oracle.dq, &oracle.dk, &oracle.dv};
  const std::vector<double>* measure[] = {&naive.dq, &naive.dk, &naive.dv};
  const char* names[] = {"dq", "dk", "dv"};
  int before = failures;
  for (int g = 0; g < 3; g++) {
    within(names[g], widened(gradients[g]->data, expected[g]->size(), c.bfloat16()), *measure[g], *expected[g],
           c.bfloat16() ? 0x1p-8 : 0x1p-11, CANCELLED);
  }
  within("dbias", std::vector<double>(dbias.begin(), dbias.end()), naive.dbias, oracle.dbias, 0x1p-23,
         CANCELLED);
  if (failures != before) c.print();

  // The same bits in every order of the threads and blocks, and where a gradient is not asked for.
  const std::vector<uint16_t> first[] = {dq.data, dk.data, dv.data};
  for (Operand* gradient : gradients) std::fill(gradient->data.begin(), gradient->data.end(), uint16_t{0x7FFF});
  const bool whole = hopper && chance(2);
  if (!whole) all.dq = nullptr, all.dv = nullptr;
  set_hopper(hopper);
  run_emulated(ondol_cuda_attention_backward_workspace, ondol_cuda_attention_backward, all);
  EXPECT(first[1] == dk.data, "dk has other bits");
  if (whole) EXPECT(first[0] == dq.data && first[2] == dv.data, "dq and dv have other bits");
  if (failures != before) c.print();
}

// A NaN in a row of Q is in that row of the result and in no other.
static void check_nan_row(const Kind& kind) {
  Case c(kind);
  int64_t row = below(c.stored_rows);
  Operand& q = c.operands[0];
  q.data[static_cast<size_t>(row * q.stride[2])] = 0x7FFF;
  std::vector<uint16_t>& out = c.operands[3].data;
  c.args.out = reinterpret_cast<float*>(out.data());
  ondol_attention_backward_args all = {};
  all.forward = c.args;
  all.forward.lse_stride[0] = c.args.heads * c.stored_rows;
  std::vector<double> oracle = reference::narrow_attention(all, false, false).out;
  set_hopper(kind.hopper);
  run_emulated(ondol_cuda_attention_workspace, ondol_cuda_attention, c.args);
  int before = failures;
  worst("out", widened(out, oracle.size(), c.bfloat16()), oracle);
  if (failures != before) c.print();
}

static void check_refusals() {
  Case c({false, false, false});
  ondol_cuda_queue queue = {};
  ondol_error error;
  c.args.head_dim = 257;
  EXPECT(ondol_cuda_attention(&c.args, &queue, &error) == ONDOL_UNSUPPORTED, "head_dim 257");
  EXPECT(strstr(error.message, "head_dim = 257") != nullptr, "%s", error.message);
  c.args.precision = ONDOL_TF32;
  EXPECT(ondol_cuda_attention(&c.args, &queue, &error) == ONDOL_UNSUPPORTED, "tf32");
  EXPECT(strstr(error.message, "precision = 3") != nullptr, "%s", error.message);
  ondol_attention_backward_args all = {};
  all.forward = c.args;
  all.forward.precision = ONDOL_BFLOAT16;
  all.forward.pages = nullptr;  // another refusal, and the case is a random one
  EXPECT(ondol_cuda_attention_backward(&all, &queue, &error) == ONDOL_UNSUPPORTED, "head_dim 257");
  EXPECT(strstr(error.message, "head_dim = 257") != nullptr, "%s", error.message);
  all.forward.head_dim = 64;
  int64_t page = 0;
  all.forward.pages = &page;
  EXPECT(ondol_cuda_attention_backward(&all, &queue, &error) == ONDOL_UNSUPPORTED, "pages");
  EXPECT(strstr(error.message, "pages = given") != nullptr, "%s", error.message);
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  for (int round = 0; round < rounds(8); round++) {
    check_forward({true, false, false});
    check_forward({false, false, false});
    check_forward({false, true, false});
    check_backward(true);
    check_backward(true, true);
    check_backward(false);
  }
  for (int round = 0; round < rounds(4); round++) {
    check_nan_row({true, false, false});
    check_nan_row({false, chance(2), false});
  }
  check_refusals();
  return finish();
}
