// Every variant of attention against a scalar transcription of docs/arithmetic.md, bit for bit, over generated options.
#include "attention_cases.h"

namespace {

void check(Case& c, int round, const std::vector<int64_t>& all) {
  ondol_attention_args& a = c.a;
  Values out(c.out_size + 16, CANARY), lse(c.lse_size + 16, CANARY);
  for (int64_t b = 0; b < a.batch; b++) {
    for (int64_t h = 0; h < a.heads; h++) {
      int64_t rows = a.q_offsets ? a.q_offsets[b + 1] - a.q_offsets[b] : a.q_len;
      for (int64_t i = 0; i < rows; i++) Reference(a, b, h, i).write(out.data(), lse.data());
    }
  }
  for (int64_t variant : all) {
    for (int64_t threads : {1, 2, 7}) {
      Values got(out.size(), CANARY), got_lse(lse.size(), CANARY);
      a.out = got.data();
      a.lse = round % 4 == 0 ? nullptr : got_lse.data();
      run_variant(ondol_attention_plan, ondol_attention_run, a, variant, threads);
      std::string context = "round " + std::to_string(round) + " " + ondol_variant_name("attention", variant) +
                            " threads " + std::to_string(threads) + " " + describe(a);
      equal(got, out, "out", context);
      if (a.lse != nullptr) equal(got_lse, lse, "lse", context);
    }
  }
  Values got(out.size(), CANARY);
  a.out = got.data();
  a.lse = nullptr;
  ondol_error error;
  ondol_set_threads(1 + round % 3);
  EXPECT(ondol_attention(&a, &error) == ONDOL_OK, "%s: %s", error.message, describe(a).c_str());
  equal(got, out, "out", "pool, round " + std::to_string(round) + " " + describe(a));
}

// On both sides of the rule that splits keys, with nothing that could hide the difference.
void split_boundary(std::mt19937& random, const std::vector<int64_t>& all) {
  for (int64_t q_len : {1, 16, 17}) {
    for (int64_t kv_len : {256, 257, 513}) {
      Case c;
      ondol_attention_args& a = c.a;
      a.batch = a.kv_heads = 1;
      a.heads = 2;
      a.q_len = q_len, a.kv_len = kv_len;
      a.head_dim = 16, a.value_dim = 33;
      a.window_left = a.window_right = -1;
      a.scale = 0.25;
      choose_values(random, c, false);
      check(c, 1, all);
    }
  }
}

// Against float64: catches what a wrong page would share with its transcription.
void close_to_float64(std::mt19937& random) {
  const int64_t L = 150, D = 64;
  Values q = values(random, L * D, false), k = values(random, L * D, false), v = values(random, L * D, false),
         out(L * D);
  ondol_attention_args a = {};
  a.batch = a.heads = a.kv_heads = 1;
  a.q_len = a.kv_len = L;
  a.head_dim = a.value_dim = D;
  a.q = q.data(), a.k = k.data(), a.v = v.data(), a.out = out.data();
  a.q_stride[2] = a.k_stride[2] = a.v_stride[2] = a.out_stride[2] = D;
  a.window_left = -1;
  a.scale = 0.125;
  EXPECT(ondol_attention(&a, nullptr) == ONDOL_OK, "causal call");
  for (int64_t i = 0; i < L; i++) {
    double total = 0, largest = 0;
    std::vector<double> sum(D), magnitude(D);
    for (int64_t j = 0; j <= i; j++) {
      double z = 0, absolute = 0;
      for (int64_t d = 0; d < D; d++) {
        const double product = (double)q[i * D + d] * k[j * D + d];
        z += product, absolute += fabs(product);
      }
      const double w = exp(z * a.scale);
      for (int64_t d = 0; d < D; d++) sum[d] += w * v[j * D + d], magnitude[d] += w * fabs(v[j * D + d]);
      total += w, largest = std::max(largest, absolute * a.scale);
    }
    // A score is off by at most D + 4 roundings of the sum of magnitudes, which moves weights by that much relatively,
    // above and below the fraction line; a weight and the chain over keys add some roundings each.
    const double eps = 0x1p-24, bound = (2 * (D + 4) * largest + 2 * L + 16) * eps;
    for (int64_t d = 0; d < D; d++) {
      const double error = fabs(out[i * D + d] - sum[d] / total);
      EXPECT(error <= bound * magnitude[d] / total, "row %ld column %ld: %g", (long)i, (long)d, error);
    }
  }
}

void bad_calls_are_refused() {
  float x[64] = {};
  ondol_attention_args good = {};
  good.batch = good.heads = good.kv_heads = 1;
  good.q_len = good.kv_len = 2;
  good.head_dim = good.value_dim = 4;
  good.q = x, good.k = x + 16, good.v = x + 32, good.out = x + 48;
  good.q_stride[2] = good.k_stride[2] = good.v_stride[2] = good.out_stride[2] = 4;
  good.window_left = good.window_right = -1;
  good.scale = 0.5;
  ondol_error error;
  EXPECT(ondol_attention(&good, &error) == ONDOL_OK, "%s", error.message);
  const int64_t ascending[] = {0, 2}, descending[] = {0, -1}, long_keys[] = {3};
  const std::pair<const char*, void (*)(ondol_attention_args&)> cases[] = {
      {"batch", [](auto& a) { a.batch = -1; }},
      {"heads", [](auto& a) { a.heads = 0; }},
      {"kv_heads", [](auto& a) { a.kv_heads = 2; }},
      {"head_dim", [](auto& a) { a.head_dim = 0; }},
      {"q", [](auto& a) { a.q = nullptr; }},
      {"out", [](auto& a) { a.out = const_cast<float*>(a.q); }},
      {"out_stride", [](auto& a) { a.out_stride[2] = 3; }},
      {"k_stride", [](auto& a) { a.k_stride[2] = INT64_MAX; }},
      {"window_left", [](auto& a) { a.window_left = -2; }},
      {"bottom_right", [](auto& a) { a.bottom_right = 2; }},
      {"scale", [](auto& a) { a.scale = NAN; }},
      {"softcap", [](auto& a) { a.softcap = -1; }},
      {"dropout", [](auto& a) { a.dropout = 1; }},
  };
  for (const auto& bad : cases) {
    ondol_attention_args a = good;
    bad.second(a);
    EXPECT(ondol_attention(&a, &error) == ONDOL_INVALID_ARGUMENT &&
               strncmp(error.message, bad.first, strlen(bad.first)) == 0,
           "%s: %s", bad.first, error.message);
  }
  ondol_attention_args a = good;
  a.q_offsets = ascending;
  EXPECT(ondol_attention(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", error.message);
  a.kv_offsets = descending;
  EXPECT(ondol_attention(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", error.message);
  a = good;
  a.kv_lengths = long_keys;
  EXPECT(ondol_attention(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", error.message);
}

}  // namespace

int main() {
  const unsigned first = seed();
  const int rounds = testing::rounds(300);
  printf("seed %u (set ONDOL_TEST_SEED to repeat), %d rounds\n", first, rounds);
  std::mt19937 random(first);
  const std::vector<int64_t> all = variants("attention");
  for (int round = 0; round < rounds; round++) check(*generate(random), round, all);
  split_boundary(random, all);
  close_to_float64(random);
  bad_calls_are_refused();
  return finish();
}
