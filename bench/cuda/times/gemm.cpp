#include "buffer.h"

namespace times {
namespace {

class GemmJob : public Job {
 public:
  GemmJob(const Precision& p, int64_t m, int64_t n, int64_t k) : precision_(p), n_(n), k_(k) {
    flops = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
    a_ = Buffer(random_values(m * k, 1), p.memory);
    b_ = Buffer(random_values(k * n, 2), p.memory);
    c_ = Buffer(m * n, p.memory);
    ondol_gemm_args args = {};
    for (int64_t& extent : args.batch) extent = 1;
    args.m = m, args.n = n, args.k = k;
    args.a = a_.data(), args.a_row = k, args.a_col = 1;
    args.b = b_.data(), args.b_row = n, args.b_col = 1;
    args.c = c_.data(), args.c_row = n;
    args.alpha = 1;
    call_.prepare(args, p, ondol_cuda_gemm_workspace, ondol_cuda_gemm);
  }

  void call() override { call_.run(); }

  std::string check() override {
    Checker checker("c", precision_);
    std::vector<float> c = c_.read();
    for (int64_t at : samples(static_cast<int64_t>(c.size()), 200)) {
      int64_t i = at / n_, j = at % n_;
      double value = 0, sum = 0;
      for (int64_t k = 0; k < k_; k++) {
        double product = static_cast<double>(a_.values()[static_cast<size_t>(i * k_ + k)]) *
                         static_cast<double>(b_.values()[static_cast<size_t>(k * n_ + j)]);
        value += product;
        sum += std::fabs(product);
      }
      checker.add(at, static_cast<double>(c[static_cast<size_t>(at)]), value, sum, static_cast<double>(k_));
    }
    return checker.wrong();
  }

 private:
  Precision precision_;
  int64_t n_, k_;
  Buffer a_, b_, c_;
  Call<ondol_gemm_args> call_;
};

}  // namespace

void add_gemm(std::vector<Entry>& to, bool tiny) {
  int64_t size = tiny ? 70 : 8192;
  to.push_back({"gemm", "8192x8192x8192", all_precisions(),
                [=](Precision p) { return std::make_unique<GemmJob>(p, size, size, size); }});
}

}  // namespace times
