// The emulated attention kernels, forward and backward, against plain loops and the CPU library over a generated set of
// shapes and options.
#include "emulated.h"
#include "reference.h"

using namespace testing;

static std::mt19937 random_source;

static bool chance(unsigned of) { return random_source() % of == 0; }

static int64_t below(int64_t end) { return static_cast<int64_t>(random_source() % static_cast<uint64_t>(end)); }

static int64_t pick(std::initializer_list<int64_t> choices) {
  return choices.begin()[random_source() % choices.size()];
}

// An operand [batch, heads, positions, width] with its strides: dense, or with heads inside positions, padded.
struct Operand {
  std::vector<float> data;
  int64_t stride[3];

  Operand(int64_t batch, int64_t heads, int64_t positions, int64_t width, bool special) {
    int64_t padded = width + static_cast<int64_t>(random_source() % 2);
    bool heads_inside = chance(2);
    stride[2] = heads_inside ? heads * padded : padded;
    stride[1] = heads_inside ? padded : positions * padded;
    stride[0] = heads * positions * padded;
    data = values(random_source, batch * stride[0], special);
  }
};

// A case keeps its operands alive; `args` points into them.
struct Case {
  ondol_attention_args args = {};
  std::vector<Operand> operands;
  std::vector<uint8_t> mask;
  std::vector<float> bias, alibi, out, lse;
  std::vector<int64_t> lengths, q_offsets, kv_offsets, pages;
  int64_t stored_batch, stored_rows, stored_keys;  // as q and k are laid out
  bool finite = true;                              // no operand holds an infinity or a NaN

  Case() {
    operands.reserve(8);
    shape();
    if (chance(4)) {
      pack();
    } else if (chance(4)) {
      page();
    }
    bool special = chance(8);
    bool special_values = special || chance(8);
    finite = !special_values;
    Operand& q = add(stored_batch, args.heads, stored_rows, args.head_dim, special);
    Operand& k = add(args.pages ? args.page_count : stored_batch, args.kv_heads, stored_keys, args.head_dim, special);
    Operand& v = add(args.pages ? args.page_count : stored_batch, args.kv_heads, stored_keys, args.value_dim,
                     special_values);
    args.q = q.data.data();
    args.k = k.data.data();
    args.v = v.data.data();
    memcpy(args.q_stride, q.stride, sizeof q.stride);
    memcpy(args.k_stride, k.stride, sizeof k.stride);
    memcpy(args.v_stride, v.stride, sizeof v.stride);
    outputs();
    options();
  }

  Operand& add(int64_t batch, int64_t heads, int64_t positions, int64_t width, bool special) {
    operands.emplace_back(batch, heads, positions, width, special);
    return operands.back();
  }

  void shape() {
    args.batch = pick({1, 2});
    args.kv_heads = pick({1, 2});
    args.heads = args.kv_heads * pick({1, 2, 3});
    args.q_len = pick({1, 2, 7, 16, 17, 33, 64, 65, 100});
    args.kv_len = pick({1, 5, 16, 100, 127, 128, 129, 200, 256, 257, 300, 600});
    if (args.q_len > 17 && args.kv_len > 300) args.kv_len = 130;
    args.head_dim = pick({1, 8, 16, 17, 32, 64, 80});
    args.value_dim = pick({1, 8, 16, 33, 64, 65, 100, 128, 130, 256, 260});
    if (args.q_len > 33 && args.value_dim > 100) args.value_dim = 72;
    stored_batch = args.batch;
    stored_rows = args.q_len;
    stored_keys = args.kv_len;
    if (chance(3)) {
      for (int64_t b = 0; b < args.batch; b++) lengths.push_back(below(args.kv_len + 1));
      args.kv_lengths = lengths.data();
    }
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

  void outputs() {
    Operand& o = add(stored_batch, args.heads, stored_rows, args.value_dim, false);
    memcpy(args.out_stride, o.stride, sizeof o.stride);
    out.assign(o.data.size(), nan());
    args.lse_stride[0] = args.heads * stored_rows;
    args.lse_stride[1] = stored_rows;
    args.lse_stride[2] = 1;
    lse.assign(static_cast<size_t>(stored_batch * args.heads * stored_rows), nan());
  }

  // Strides over [batch, heads, q_len, kv_len] with some dimensions shared; returns the number of elements.
  int64_t pair_strides(int64_t (&stride)[4], bool share_pairs) {
    const int64_t extents[] = {args.batch, args.heads, args.q_len, args.kv_len};
    int64_t size = 1;
    for (int d = 3; d >= 0; d--) {
      bool shared = d < 2 ? chance(2) : share_pairs && chance(3);
      stride[d] = shared ? 0 : size;
      if (!shared) size *= extents[d];
    }
    return size;
  }

  void options() {
    args.scale = chance(3) ? 0.31 : 1 / std::sqrt(static_cast<double>(args.head_dim));
    args.bottom_right = chance(2);
    args.window_left = chance(3) ? static_cast<int64_t>(random_source() % 150) : -1;
    args.window_right = chance(3) ? static_cast<int64_t>(random_source() % 40) : chance(2) ? 0 : -1;
    if (chance(3)) {
      mask.resize(static_cast<size_t>(pair_strides(args.mask_stride, true)));
      for (uint8_t& m : mask) m = random_source() % 4 != 0;
      args.mask = mask.data();
    }
    if (chance(3)) {
      bool special = chance(4);
      finite &= !special;
      bias = values(random_source, pair_strides(args.bias_stride, chance(2)), special);
      args.bias = bias.data();
    }
    if (chance(3)) {
      alibi = values(random_source, args.heads, false);
      args.alibi = alibi.data();
    }
    if (chance(4)) args.softcap = 3.5;
    if (chance(4)) args.dropout = 0.3;
    args.seed = static_cast<int64_t>((static_cast<uint64_t>(random_source()) << 32) | random_source());
  }

  void print() const {
    const ondol_attention_args& a = args;
    printf("B%lld H%lld/%lld Lq%lld Lk%lld D%lld Dv%lld lengths=%d packed=%d pages=%d mask=%d bias=%d alibi=%d "
           "right=%lld window=%lld,%lld softcap=%g dropout=%g\n",
           (long long)a.batch, (long long)a.heads, (long long)a.kv_heads, (long long)a.q_len, (long long)a.kv_len,
           (long long)a.head_dim, (long long)a.value_dim, a.kv_lengths != nullptr, a.q_offsets != nullptr,
           a.pages != nullptr, a.mask != nullptr, a.bias != nullptr, a.alibi != nullptr, (long long)a.bottom_right,
           (long long)a.window_left, (long long)a.window_right, a.softcap, a.dropout);
  }
};

static void check_forward(Case& c) {
  std::vector<float> out = c.out, lse = c.lse, cpu_out = c.out, cpu_lse = c.lse;
  c.args.out = c.out.data();
  c.args.lse = c.lse.data();
  reference::attention(c.args);
  ondol_attention_args args = c.args;
  args.out = out.data();
  args.lse = chance(4) ? nullptr : lse.data();
  run_emulated(ondol_cuda_attention_workspace, ondol_cuda_attention, args);
  bool equal = compare("out", out, c.out);
  if (args.lse != nullptr) equal &= compare("lse", lse, c.lse);
  args.out = cpu_out.data();
  args.lse = cpu_lse.data();
  run_cpu(ondol_attention, args);
  equal &= compare("out", out, cpu_out) && compare("lse", c.lse, cpu_lse);
  if (!equal) c.print();
}

static void check_backward(Case& c) {
  ondol_attention_backward_args expected = {};
  expected.forward = c.args;
  Operand& dout = c.add(c.stored_batch, c.args.heads, c.stored_rows, c.args.value_dim, false);
  expected.dout = dout.data.data();
  memcpy(expected.dout_stride, dout.stride, sizeof dout.stride);
  memcpy(expected.dq_stride, c.args.q_stride, sizeof expected.dq_stride);
  memcpy(expected.dk_stride, c.args.k_stride, sizeof expected.dk_stride);
  memcpy(expected.dv_stride, c.args.v_stride, sizeof expected.dv_stride);
  memcpy(expected.dbias_stride, c.args.bias_stride, sizeof expected.dbias_stride);
  std::vector<float> dq(c.operands[0].data.size(), nan()), dk(c.operands[1].data.size(), nan()),
      dv(c.operands[2].data.size(), nan()), dbias(c.bias.size(), nan());
  std::vector<float> actual_dq = dq, actual_dk = dk, actual_dv = dv, actual_dbias = dbias;
  ondol_attention_backward_args actual = expected;
  expected.dq = dq.data();
  expected.dk = dk.data();
  expected.dv = dv.data();
  expected.dbias = c.args.bias != nullptr ? dbias.data() : nullptr;
  reference::attention_backward(expected);
  actual.dq = chance(5) ? nullptr : actual_dq.data();
  actual.dk = chance(5) ? nullptr : actual_dk.data();
  actual.dv = chance(5) ? nullptr : actual_dv.data();
  actual.dbias = expected.dbias != nullptr ? actual_dbias.data() : nullptr;
  run_emulated(ondol_cuda_attention_backward_workspace, ondol_cuda_attention_backward, actual);
  std::vector<float> cpu_dq(dq.size(), nan()), cpu_dk(dk.size(), nan()), cpu_dv(dv.size(), nan());
  std::vector<float> cpu_dbias(dbias.size(), nan());
  ondol_attention_backward_args cpu = expected;
  cpu.dq = cpu_dq.data();
  cpu.dk = cpu_dk.data();
  cpu.dv = cpu_dv.data();
  cpu.dbias = expected.dbias != nullptr ? cpu_dbias.data() : nullptr;
  run_cpu(ondol_attention_backward, cpu);
  bool equal = true;
  if (c.finite) {  // else a zero weight may have been multiplied or skipped
    equal = compare("dq", dq, cpu_dq) & compare("dk", dk, cpu_dk) & compare("dv", dv, cpu_dv);
    if (cpu.dbias != nullptr) equal &= compare("dbias", dbias, cpu_dbias);
  }
  if (actual.dq != nullptr) equal &= compare("dq", actual_dq, dq);
  if (actual.dk != nullptr) equal &= compare("dk", actual_dk, dk);
  if (actual.dv != nullptr) equal &= compare("dv", actual_dv, dv);
  if (actual.dbias != nullptr) equal &= compare("dbias", actual_dbias, dbias);
  if (!equal) c.print();
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  for (int round = 0; round < rounds(80); round++) {
    Case c;
    check_forward(c);
    bool small = c.args.q_len * c.args.kv_len * c.args.heads * c.args.batch < 40000;
    if (c.args.pages == nullptr && small) check_backward(c);
  }
  return finish();
}
