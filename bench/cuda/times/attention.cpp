#include "buffer.h"

namespace times {
namespace {

struct Shape {
  int64_t heads, length, width;
  bool causal;

  int64_t size() const { return heads * length * width; }
  double pairs() const {
    double n = static_cast<double>(length);
    return static_cast<double>(heads) * (causal ? n * (n + 1) / 2 : n * n);
  }
  double scale() const { return 1 / std::sqrt(static_cast<double>(width)); }
};

// The forward call and its operands, one batch, each [heads, length, width].
struct Forward {
  Shape shape;
  Buffer q, k, v, out, lse;
  ondol_attention_args args = {};
  Call<ondol_attention_args> call;

  Forward(const Shape& s, const Precision& p) : shape(s) {
    q = Buffer(random_values(s.size(), 1), p.memory);
    k = Buffer(random_values(s.size(), 2), p.memory);
    v = Buffer(random_values(s.size(), 3), p.memory);
    out = Buffer(s.size(), p.memory);
    lse = Buffer(s.heads * s.length, Precision::FLOAT32);
    args.batch = 1, args.heads = args.kv_heads = s.heads;
    args.q_len = args.kv_len = s.length;
    args.head_dim = args.value_dim = s.width;
    args.q = q.data(), args.k = k.data(), args.v = v.data(), args.out = out.data(), args.lse = lse.data();
    for (auto* stride : {args.q_stride, args.k_stride, args.v_stride, args.out_stride}) strides(stride);
    args.lse_stride[0] = s.heads * s.length, args.lse_stride[1] = s.length, args.lse_stride[2] = 1;
    args.window_left = -1;
    args.window_right = s.causal ? 0 : -1;
    args.scale = s.scale();
    call.prepare(args, p, ondol_cuda_attention_workspace, ondol_cuda_attention);
  }

  void strides(int64_t* stride) const {
    stride[0] = shape.size(), stride[1] = shape.length * shape.width, stride[2] = shape.width;
  }

  // Row i of head h.
  size_t row(int64_t h, int64_t i) const { return static_cast<size_t>((h * shape.length + i) * shape.width); }

  double dot(const std::vector<float>& a, size_t at, const std::vector<float>& b, size_t bt) const {
    double sum = 0;
    for (size_t d = 0; d < static_cast<size_t>(shape.width); d++) {
      sum += static_cast<double>(a[at + d]) * static_cast<double>(b[bt + d]);
    }
    return sum;
  }

  double score(int64_t h, int64_t i, int64_t j) const {
    return shape.scale() * dot(q.values(), row(h, i), k.values(), row(h, j));
  }
};

class AttentionJob : public Job {
 public:
  AttentionJob(const Shape& s, const Precision& p) : precision_(p), forward_(s, p) {
    flops = 4 * static_cast<double>(s.width) * s.pairs();
  }

  void call() override { forward_.call.run(); }

  std::string check() override {
    const Shape& s = forward_.shape;
    Checker checker("out", precision_);
    std::vector<float> out = forward_.out.read();
    for (int64_t at : samples(s.heads * s.length, 8)) {
      int64_t h = at / s.length, i = at % s.length, keys = s.causal ? i + 1 : s.length;
      std::vector<double> p(static_cast<size_t>(keys));
      double most = -INFINITY, total = 0;
      for (int64_t j = 0; j < keys; j++) most = std::max(most, p[static_cast<size_t>(j)] = forward_.score(h, i, j));
      for (double& x : p) total += x = std::exp(x - most);
      for (int64_t d = 0; d < s.width; d++) {
        double value = 0, sum = 0;
        for (int64_t j = 0; j < keys; j++) {
          double term = p[static_cast<size_t>(j)] / total *
                        static_cast<double>(forward_.v.values()[forward_.row(h, j) + static_cast<size_t>(d)]);
          value += term;
          sum += std::fabs(term);
        }
        size_t index = forward_.row(h, i) + static_cast<size_t>(d);
        checker.add(static_cast<int64_t>(index), static_cast<double>(out[index]), value, 4 * sum,
                    static_cast<double>(keys + s.width));
      }
    }
    return checker.wrong();
  }

 private:
  Precision precision_;
  Forward forward_;
};

class AttentionBackwardJob : public Job {
 public:
  AttentionBackwardJob(const Shape& s, const Precision& p) : precision_(p), forward_(s, p) {
    flops = 10 * static_cast<double>(s.width) * s.pairs();
    forward_.call.run();
    device::synchronize();
    dout_ = Buffer(random_values(s.size(), 4), p.memory);
    dq_ = Buffer(s.size(), p.memory);
    dk_ = Buffer(s.size(), p.memory);
    dv_ = Buffer(s.size(), p.memory);
    ondol_attention_backward_args args = {};
    args.forward = forward_.args;
    set_precision(args.forward, p, 0);
    args.dout = dout_.data(), args.dq = dq_.data(), args.dk = dk_.data(), args.dv = dv_.data();
    for (auto* stride : {args.dout_stride, args.dq_stride, args.dk_stride, args.dv_stride}) forward_.strides(stride);
    call_.prepare(args, p, ondol_cuda_attention_backward_workspace, ondol_cuda_attention_backward);
  }

  void call() override { call_.run(); }

  // A row of each gradient in some places: each is a sum along one row or column of the weights.
  std::string check() override {
    const Shape& s = forward_.shape;
    out_ = forward_.out.read();
    lse_ = forward_.lse.read();
    Checker checker("a gradient", precision_);
    std::vector<float> dq = dq_.read(), dk = dk_.read(), dv = dv_.read();
    for (int64_t at : samples(s.heads * s.length, 6)) {
      int64_t h = at / s.length, i = at % s.length;
      Sums q(s.width), k(s.width), v(s.width);
      for (int64_t j = 0; j < s.length; j++) {
        if (!s.causal || j <= i) add_pair(h, i, j, &q, nullptr, nullptr);
        if (!s.causal || i <= j) add_pair(h, j, i, nullptr, &k, &v);
      }
      compare(checker, dq, h, i, q);
      compare(checker, dk, h, i, k);
      compare(checker, dv, h, i, v);
    }
    return checker.wrong();
  }

 private:
  struct Sums {
    std::vector<double> value, sum;
    explicit Sums(int64_t n) : value(static_cast<size_t>(n)), sum(static_cast<size_t>(n)) {}
    void add(double factor, double size, const std::vector<float>& of, size_t at) {
      for (size_t d = 0; d < value.size(); d++) {
        value[d] += factor * static_cast<double>(of[at + d]);
        sum[d] += size * std::fabs(static_cast<double>(of[at + d]));
      }
    }
  };

  // What query i and key j of head h add to the gradients of this query, this key and its value.
  void add_pair(int64_t h, int64_t i, int64_t j, Sums* dq, Sums* dk, Sums* dv) const {
    const Forward& f = forward_;
    size_t qi = f.row(h, i), kj = f.row(h, j);
    double p = std::exp(f.score(h, i, j) - static_cast<double>(lse_[static_cast<size_t>(h * f.shape.length + i)]));
    double dp = f.dot(dout_.values(), qi, f.v.values(), kj), delta = f.dot(dout_.values(), qi, out_, qi);
    double ds = f.shape.scale() * p * (dp - delta), size = f.shape.scale() * p * (std::fabs(dp) + std::fabs(delta));
    if (dq != nullptr) dq->add(ds, size, f.k.values(), kj);
    if (dk != nullptr) dk->add(ds, size, f.q.values(), qi);
    if (dv != nullptr) dv->add(p, p, dout_.values(), qi);
  }

  void compare(Checker& checker, const std::vector<float>& actual, int64_t h, int64_t i, const Sums& sums) const {
    for (size_t d = 0; d < sums.value.size(); d++) {
      size_t at = forward_.row(h, i) + d;
      checker.add(static_cast<int64_t>(at), static_cast<double>(actual[at]), sums.value[d], 8 * sums.sum[d],
                  static_cast<double>(forward_.shape.length + forward_.shape.width));
    }
  }

  Precision precision_;
  Forward forward_;
  Buffer dout_, dq_, dk_, dv_;
  std::vector<float> out_, lse_;
  Call<ondol_attention_backward_args> call_;
};

}  // namespace

void add_attention(std::vector<Entry>& to, bool tiny) {
  for (bool causal : {false, true}) {
    Shape s = tiny ? Shape{1, 70, 16, causal} : Shape{16, 16384, 128, causal};
    std::string name = std::string("B1 H16 L16384 D128") + (causal ? " causal" : "");
    to.push_back({"attention", name, all_precisions(), [=](Precision p) { return std::make_unique<AttentionJob>(s, p); }});
    to.push_back({"attention_backward", name, all_precisions(),
                  [=](Precision p) { return std::make_unique<AttentionBackwardJob>(s, p); }});
  }
}

}  // namespace times
