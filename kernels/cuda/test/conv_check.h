// A conv or deconv of lower precision against sums in double and a reference in that precision.
#ifndef ONDOL_CUDA_TEST_CONV_CHECK_H
#define ONDOL_CUDA_TEST_CONV_CHECK_H

#include "conv_cases.h"
#include "precision.h"
#include "reference.h"

namespace testing {

// Huge numbers would overflow in float32 and not in double; infinities and NaN stay.
inline void tame(std::vector<float>& numbers, int64_t precision) {
  for (float& x : numbers) {
    if (std::isfinite(x) && std::fabs(x) > 100) x = std::copysign(100.0f, x);
    x = round_to(precision, x);
  }
}

// `whole`: operands in steps of 16 bytes.
inline void check(ConvCase& c, int64_t precision, bool whole = false) {
  ondol_conv_args& args = c.args;
  args.precision = precision;
  tame(c.x, precision);
  tame(c.weight, precision);
  Map y(args.batch, args.y_channels, args.y_height * args.y_width, false, whole);
  Map other(args.batch, args.y_channels, args.y_height * args.y_width, false, whole);
  args.y_batch = y.batch;
  args.y_channel = y.channel;
  if (chance(2)) {
    c.bias = values(random_source, args.y_channels, false);
    args.bias = c.bias.data();
  }
  auto shift = static_cast<size_t>(whole ? 0 : below(2));
  Stored x(precision, c.x, shift), weight(precision, c.weight, shift), to(precision, y.data, shift);
  Stored residual(precision, other.data, shift);
  Stored before = to;
  bool in_place = chance(3);
  ondol_conv_args own = args;
  own.x = x.data();
  own.weight = weight.data();
  own.y = to.data();
  if (in_place || chance(2)) {
    own.residual = in_place ? to.data() : residual.data();
    own.residual_batch = in_place ? y.batch : other.batch;
    own.residual_channel = in_place ? y.channel : other.channel;
  }
  if (chance(2)) c.pack();
  Stored packed(precision, c.packed, shift);
  if (!c.packed.empty()) {
    own.packed = packed.data();
    own.weight = nullptr;
  }
  if (c.transposed) {
    run_emulated(ondol_cuda_deconv_workspace, ondol_cuda_deconv, own);
  } else {
    run_emulated(ondol_cuda_conv_workspace, ondol_cuda_conv, own);
  }

  Judge judge(precision);
  std::vector<bool> written(y.data.size());
  using Chain = std::vector<reference::Step>;
  reference::each_chain(args, c.transposed, [&](int64_t n, int64_t o, int64_t pixel, const Chain& chain) {
    Sum sum(precision);
    for (const reference::Step& step : chain) sum.add(step.x, step.w);
    float low = sum.low;
    double exact = sum.exact;
    if (args.bias != nullptr) {
      low += args.bias[o];
      exact += static_cast<double>(args.bias[o]);
    }
    if (own.residual != nullptr) {
      const Stored& from = in_place ? before : residual;
      float r = from.values[static_cast<size_t>(n * own.residual_batch + o * own.residual_channel + pixel)];
      low += r;
      exact += static_cast<double>(r);
    }
    auto slope = static_cast<float>(args.slope);
    if (args.activation == ONDOL_RELU && slope != 0) {
      low = low < 0 ? low * slope : low;
      exact = exact < 0 ? exact * static_cast<double>(slope) : exact;
    } else {
      low = reference::activation(args.activation, low);
      exact = activated(args.activation, exact);
    }
    auto place = static_cast<size_t>(n * args.y_batch + o * args.y_channel + pixel);
    written[place] = true;
    judge.add(to.at(place), low, exact);
  });
  bool good = judge.passes("y");
  for (size_t i = 0; i < written.size(); i++) {
    if (!written[i]) EXPECT(same(to.at(i), before.at(i)), "y[%zu], outside the window, was written", i);
  }
  if (!good) c.print();
}

}  // namespace testing

#endif
