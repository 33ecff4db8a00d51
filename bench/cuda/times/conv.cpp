// conv, maskedconv and deconv.
#include "buffer.h"

namespace times {
namespace {

enum class Kind { DENSE, MASK_A, MASK_B, TRANSPOSED };

struct Shape {
  Kind kind;
  int64_t batch, in, out, height, width, kernel, stride, pad;

  bool transposed() const { return kind == Kind::TRANSPOSED; }
  bool masked() const { return kind == Kind::MASK_A || kind == Kind::MASK_B; }
  int64_t result(int64_t x) const { return transposed() ? (x - 1) * stride + kernel - 2 * pad : (x + 2 * pad - kernel) / stride + 1; }
  // Taps before the centre in raster order and, of type B, the centre.
  int64_t live() const { return masked() ? kernel * kernel / 2 + (kind == Kind::MASK_B ? 1 : 0) : kernel * kernel; }
};

template <class T>
std::vector<T> counted(int64_t n) {
  std::vector<T> out(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; i++) out[static_cast<size_t>(i)] = static_cast<T>(i);
  return out;
}

std::vector<int32_t> live_entries(const Shape& s) {
  std::vector<int32_t> out;
  for (int64_t c = 0; s.masked() && c < s.in; c++) {
    for (int64_t tap = 0; tap < s.live(); tap++) out.push_back(static_cast<int32_t>(c * s.kernel * s.kernel + tap));
  }
  return out;
}

class ConvJob : public Job {
 public:
  ConvJob(const Shape& s, const Precision& p)
      : shape_(s), precision_(p), starts_(std::vector<int32_t>{0, static_cast<int32_t>(s.out)}),
        channels_(counted<int32_t>(s.out)), live_(live_entries(s)),
        live_starts_(std::vector<int32_t>{0, static_cast<int32_t>(live_.values().size())}) {
    int64_t out_h = s.result(s.height), out_w = s.result(s.width);
    double positions = static_cast<double>(s.batch * (s.transposed() ? s.height * s.width : out_h * out_w));
    flops = 2 * positions * static_cast<double>(s.in * s.out * s.live());
    x_ = Buffer(random_values(s.batch * s.in * s.height * s.width, 1), p.memory);
    weight_ = Buffer(random_values(s.in * s.out * s.kernel * s.kernel, 2), p.memory);
    y_ = Buffer(s.batch * s.out * out_h * out_w, p.memory);
    ondol_conv_args args = {};
    args.batch = s.batch, args.groups = 1;
    args.x_channels = s.in, args.x_height = s.height, args.x_width = s.width;
    args.y_channels = s.out, args.y_height = args.end_h = out_h, args.y_width = args.end_w = out_w;
    args.kernel_h = args.kernel_w = s.kernel, args.stride_h = args.stride_w = s.stride;
    args.dilation_h = args.dilation_w = 1, args.pad_top = args.pad_left = s.pad;
    args.x = x_.data(), args.x_channel = s.height * s.width, args.x_batch = s.in * args.x_channel;
    args.y = y_.data(), args.y_channel = out_h * out_w, args.y_batch = s.out * args.y_channel;
    filters(args);
    if (s.masked()) {
      args.classes = 1;
      args.channel_start = starts_.data(), args.channels = channels_.data();
      args.live_start = live_starts_.data(), args.live = live_.data();
    }
    call_.prepare(args, p, s.transposed() ? ondol_cuda_deconv_workspace : ondol_cuda_conv_workspace,
                  s.transposed() ? ondol_cuda_deconv : ondol_cuda_conv);
  }

  void call() override { call_.run(); }

  std::string check() override {
    Checker checker("y", precision_);
    std::vector<float> y = y_.read();
    for (int64_t at : samples(static_cast<int64_t>(y.size()), 100)) element(checker, at, y[static_cast<size_t>(at)]);
    return checker.wrong();
  }

 private:
  // Packed once, as a model does, where the arithmetic is exact; the other modes take the weight as it is.
  void filters(ondol_conv_args& args) {
    if (precision_.value != 0) {
      args.weight = weight_.data();
      return;
    }
    ondol_conv_args host = args;
    host.weight = weight_.values().data();
    if (shape_.masked()) {
      host.classes = 1;
      host.channel_start = starts_.values().data(), host.channels = channels_.values().data();
      host.live_start = live_starts_.values().data(), host.live = live_.values().data();
    }
    std::vector<float> packed(static_cast<size_t>(ondol_conv_packed_size(&host, shape_.transposed())));
    ondol_conv_pack(&host, shape_.transposed(), packed.data());
    packed_ = Buffer(std::move(packed), Precision::FLOAT32);
    args.packed = packed_.data();
  }

  void element(Checker& checker, int64_t at, float actual) const {
    const Shape& s = shape_;
    int64_t out_w = s.result(s.width), out_h = s.result(s.height);
    int64_t column = at % out_w, line = at / out_w % out_h, o = at / (out_w * out_h) % s.out, n = at / (out_w * out_h * s.out);
    double value = 0, sum = 0;
    for (int64_t tap = 0; tap < s.live(); tap++) {
      int64_t row = line, col = column;
      if (!source(tap / s.kernel, s.height, row) || !source(tap % s.kernel, s.width, col)) continue;
      for (int64_t c = 0; c < s.in; c++) {
        int64_t filter = s.transposed() ? c * s.out + o : o * s.in + c;
        double product =
            static_cast<double>(weight_.values()[static_cast<size_t>(filter * s.kernel * s.kernel + tap)]) *
            static_cast<double>(x_.values()[static_cast<size_t>(((n * s.in + c) * s.height + row) * s.width + col)]);
        value += product;
        sum += std::fabs(product);
      }
    }
    checker.add(at, static_cast<double>(actual), value, sum, static_cast<double>(s.in * s.live()));
  }

  // From a coordinate of y to that of x under a tap; false outside.
  bool source(int64_t tap, int64_t size, int64_t& at) const {
    if (!shape_.transposed()) {
      at = at * shape_.stride + tap - shape_.pad;
      return at >= 0 && at < size;
    }
    int64_t spread = at + shape_.pad - tap;
    at = spread / shape_.stride;
    return spread >= 0 && spread % shape_.stride == 0 && at < size;
  }

  Shape shape_;
  Precision precision_;
  Table<int32_t> starts_, channels_, live_, live_starts_;
  Buffer x_, weight_, packed_, y_;
  Call<ondol_conv_args> call_;
};

}  // namespace

void add_conv(std::vector<Entry>& to, bool tiny) {
  struct Named {
    const char *stem, *name;
    Shape shape;
  };
  const Named cases[] = {
      {"conv", "3x3 256->256 56x56 N64", {Kind::DENSE, 64, 256, 256, 56, 56, 3, 1, 1}},
      {"maskedconv", "B 3x3 128->128 32x32 N256", {Kind::MASK_B, 256, 128, 128, 32, 32, 3, 1, 1}},
      {"maskedconv", "A 7x7 128->128 32x32 N256", {Kind::MASK_A, 256, 128, 128, 32, 32, 7, 1, 3}},
      {"deconv", "DCGAN 4x4 s2 512->256 8x8 N128", {Kind::TRANSPOSED, 128, 512, 256, 8, 8, 4, 2, 1}},
      {"deconv", "DCGAN 4x4 s2 256->128 16x16 N128", {Kind::TRANSPOSED, 128, 256, 128, 16, 16, 4, 2, 1}},
      {"deconv", "FCN-8s 16x16 s8 21->21 71x71 N8", {Kind::TRANSPOSED, 8, 21, 21, 71, 71, 16, 8, 0}},
      {"deconv", "FCN-32s 64x64 s32 21->21 16x16 N8", {Kind::TRANSPOSED, 8, 21, 21, 16, 16, 64, 32, 0}},
  };
  for (const Named& c : cases) {
    Shape s = c.shape;
    if (tiny) {
      s.batch = 2, s.in = s.in / 32 + 1, s.out = s.out / 32 + 1;
      s.height = s.width = 4;
      if (s.kernel > 8) s.kernel /= 4, s.stride /= 4;
    }
    to.push_back({c.stem, c.name, all_precisions(), [=](Precision p) { return std::make_unique<ConvJob>(s, p); }});
  }
}

}  // namespace times
