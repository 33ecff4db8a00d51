// Calls causal attention through ondol.h from several threads at once and checks it against the formula in double.
#include <ondol.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int64_t kBatch = 2, kHeads = 4, kRows = 67, kKeys = 131, kDim = 24;

struct Problem {
  std::vector<float> q, k, v;

  Problem() : q(kBatch * kHeads * kRows * kDim), k(kBatch * kHeads * kKeys * kDim), v(k.size()) {
    for (size_t i = 0; i < q.size(); i++) q[i] = std::sin(0.37f * static_cast<float>(i));
    for (size_t i = 0; i < k.size(); i++) k[i] = std::cos(0.11f * static_cast<float>(i));
    for (size_t i = 0; i < v.size(); i++) v[i] = std::sin(0.05f * static_cast<float>(i) + 1);
  }

  ondol_attention_args args(float* out) const {
    ondol_attention_args a = {};
    a.batch = kBatch, a.heads = kHeads, a.kv_heads = kHeads;
    a.q_len = kRows, a.kv_len = kKeys, a.head_dim = kDim, a.value_dim = kDim;
    a.q = q.data(), a.k = k.data(), a.v = v.data(), a.out = out;
    const int64_t rows[3] = {kHeads * kRows * kDim, kRows * kDim, kDim};
    const int64_t keys[3] = {kHeads * kKeys * kDim, kKeys * kDim, kDim};
    std::memcpy(a.q_stride, rows, sizeof rows);
    std::memcpy(a.out_stride, rows, sizeof rows);
    std::memcpy(a.k_stride, keys, sizeof keys);
    std::memcpy(a.v_stride, keys, sizeof keys);
    a.bottom_right = 1, a.window_left = -1, a.window_right = 0;
    a.scale = 1 / std::sqrt(static_cast<double>(kDim));
    return a;
  }
};

// The largest difference from softmax(scale q k^T) v, row by row.
double worst_error(const Problem& p, const std::vector<float>& out) {
  double worst = 0;
  for (int64_t bh = 0; bh < kBatch * kHeads; bh++) {
    for (int64_t i = 0; i < kRows; i++) {
      std::vector<double> value(kDim, 0.0);
      double sum = 0;
      for (int64_t j = 0; j <= i + kKeys - kRows; j++) {
        double score = 0;
        for (int64_t d = 0; d < kDim; d++) score += double(p.q[(bh * kRows + i) * kDim + d]) * p.k[(bh * kKeys + j) * kDim + d];
        const double w = std::exp(score / std::sqrt(double(kDim)));
        sum += w;
        for (int64_t d = 0; d < kDim; d++) value[d] += w * p.v[(bh * kKeys + j) * kDim + d];
      }
      for (int64_t d = 0; d < kDim; d++) {
        worst = std::fmax(worst, std::fabs(out[(bh * kRows + i) * kDim + d] - value[d] / sum));
      }
    }
  }
  return worst;
}

}  // namespace

int main() {
  const Problem problem;
  constexpr int kThreads = 6, kCalls = 20;
  std::vector<std::vector<float>> results(kThreads, std::vector<float>(problem.q.size()));
  std::vector<std::string> failures(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      const ondol_attention_args args = problem.args(results[t].data());
      for (int call = 0; call < kCalls; call++) {
        ondol_error error = {};
        if (ondol_attention(&args, &error) != ONDOL_OK) failures[t] = error.message;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 0; t < kThreads; t++) {
    if (!failures[t].empty()) return std::printf("thread %d: %s\n", t, failures[t].c_str()), 1;
    if (std::memcmp(results[t].data(), results[0].data(), results[0].size() * sizeof(float)) != 0) {
      return std::printf("thread %d got other bits than thread 0\n", t), 1;
    }
  }
  const double error = worst_error(problem, results[0]);
  if (!(error < 2e-6)) return std::printf("off by %g\n", error), 1;

  ondol_attention_args bad = problem.args(results[0].data());
  bad.head_dim = -1;
  ondol_error refusal = {};
  if (ondol_attention(&bad, &refusal) != ONDOL_INVALID_ARGUMENT || std::strstr(refusal.message, "head_dim") == nullptr) {
    return std::printf("a negative head_dim was not refused by name: %s\n", refusal.message), 1;
  }
  std::printf("consumer of Ondol %s: %d threads, %d calls each, same bits, off by at most %.2g\n", ondol_version(), kThreads,
              kCalls, error);
  return 0;
}
