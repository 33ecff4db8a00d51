// Boxes of images resized, one thread per element. In the gradient a thread owns an image element and visits the RoIs in
// ascending order; the cells of an axis never decrease, so those that touch the element are found by bisection.
#include "../common/math.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

// The cells that an output is made of.
struct Cells {
  int64_t first, second;
  float first_weight, second_weight;
};

// One axis of one box, in float64 as docs/arithmetic.md has it; the compiler is told not to contract.
struct Axis {
  double middle, extent, scale, low, high;
  int64_t in, out;

  ONDOL_DEVICE double position(int64_t j) const {
    return middle + ((static_cast<double>(j) + 0.5) - 0.5 * static_cast<double>(out)) * scale;
  }

  ONDOL_DEVICE bool inside(double t) const { return t >= low && t <= high; }  // not where it is NaN

  ONDOL_DEVICE Cells cells(double p) const {
    int64_t f = static_cast<int64_t>(p);  // p is at least -0.5
    if (p < 0) return {0, 0, 1.0f, 0.0f};
    if (f >= in - 1) return {in - 1, in - 1, 1.0f, 0.0f};
    double r = p - static_cast<double>(f);
    return {f, f + 1, static_cast<float>(1.0 - r), static_cast<float>(r)};
  }

  // The first output that is not before the image and whose second cell is at least c.
  ONDOL_DEVICE int64_t reach(int64_t c) const {
    int64_t begin = 0;
    int64_t end = out;
    while (begin < end) {
      int64_t j = begin + (end - begin) / 2;
      double t = position(j);
      if (t >= low && t - 0.5 >= static_cast<double>(c - 1)) {
        end = j;
      } else {
        begin = j + 1;
      }
    }
    return begin;
  }

  // Calls add(j, weight) for each way in which cell c is part of an output, in order.
  template <class Add>
  ONDOL_DEVICE void visit(int64_t begin, int64_t c, Add add) const {
    for (int64_t j = begin; j < out; ++j) {
      double t = position(j);
      if (!inside(t) || t - 0.5 >= static_cast<double>(c + 1)) return;
      Cells cell = cells(t - 0.5);
      if (cell.first == c) add(j, cell.first_weight);
      if (cell.second == c) add(j, cell.second_weight);
    }
  }
};

ONDOL_DEVICE Axis axis(const ondol_roiwarp_args& a, double first, double last, int64_t in, int64_t out) {
  Axis axis;
  double span = (last - first) + static_cast<double>(a.pixel);
  axis.in = in;
  axis.out = out;
  axis.extent = span < 0 ? 0 : span;
  axis.middle = first + 0.5 * axis.extent;
  axis.scale = axis.extent / static_cast<double>(out - 2 * a.context);
  axis.low = 0;
  axis.high = static_cast<double>(in);
  if (a.mode == ONDOL_ROIWARP_ALONE) {
    double end = first + axis.extent;
    axis.low = 0 > first ? 0 : first;
    axis.high = axis.high < end ? axis.high : end;
  }
  return axis;
}

struct Axes {
  Axis x, y;
};

ONDOL_DEVICE Axes axes(const ondol_roiwarp_args& a, int64_t r) {
  const float* box = a.boxes + 4 * r;
  Axes axes = {axis(a, box[0], box[2], a.x_width, a.y_width), axis(a, box[1], box[3], a.x_height, a.y_height)};
  if (a.mode != ONDOL_ROIWARP) {
    double scale = axes.x.scale > axes.y.scale ? axes.x.scale : axes.y.scale;
    axes.x.scale = scale;
    axes.y.scale = scale;
  }
  return axes;
}

ONDOL_DEVICE float mix(float first_weight, float first, float second_weight, float second) {
  return fma(second_weight, second, mul(first_weight, first));
}

__global__ void __launch_bounds__(THREADS) roiwarp_elements(ondol_roiwarp_args args) {
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  int64_t plane = index / args.y_width / args.y_height;
  int64_t r = plane / args.channels;
  if (r >= args.rois) return;
  int64_t c = plane % args.channels;
  int64_t image = args.images[r];
  Axes a = axes(args, r);
  double tx = a.x.position(index % args.y_width);
  double ty = a.y.position(index / args.y_width % args.y_height);
  if (image < 0 || image >= args.batch || !a.x.inside(tx) || !a.y.inside(ty)) {
    args.y[index] = args.fill == nullptr ? 0.0f : args.fill[c];
    return;
  }
  Cells v = a.x.cells(tx - 0.5);
  Cells u = a.y.cells(ty - 0.5);
  const float* x = args.x + (image * args.channels + c) * args.x_height * args.x_width;
  const float* one = x + u.first * args.x_width;
  const float* two = x + u.second * args.x_width;
  args.y[index] = mix(u.first_weight, mix(v.first_weight, one[v.first], v.second_weight, one[v.second]), u.second_weight,
                      mix(v.first_weight, two[v.first], v.second_weight, two[v.second]));
}

__global__ void __launch_bounds__(THREADS) roiwarp_gradient(ondol_roiwarp_backward_args args) {
  const ondol_roiwarp_args& f = args.forward;
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  int64_t column = index % f.x_width;
  int64_t row = index / f.x_width % f.x_height;
  int64_t plane = index / f.x_width / f.x_height;
  if (plane >= f.batch * f.channels) return;
  float acc = 0.0f;
  for (int64_t r = 0; r < f.rois; ++r) {
    if (f.images[r] != plane / f.channels) continue;
    Axes a = axes(f, r);
    int64_t top = a.y.reach(row);
    int64_t left = a.x.reach(column);
    const float* dy = args.dy + (r * f.channels + plane % f.channels) * f.y_height * f.y_width;
    a.x.visit(left, column, [&](int64_t j, float v) {
      float g = 0.0f;
      a.y.visit(top, row, [&](int64_t i, float u) { g = fma(u, dy[i * f.y_width + j], g); });
      acc = fma(v, g, acc);
    });
  }
  args.dx[index] = add(acc, 0.0f);
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_roiwarp_workspace(const ondol_roiwarp_args*) { return 0; }

int64_t ondol_cuda_roiwarp(const ondol_roiwarp_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  int64_t count = args->rois * args->channels * args->y_height * args->y_width;
  launcher.launch("roiwarp", roiwarp_elements, ceil_div(count, THREADS), THREADS, 0, *args);
  return launcher.status();
}

int64_t ondol_cuda_roiwarp_backward_workspace(const ondol_roiwarp_backward_args*) { return 0; }

int64_t ondol_cuda_roiwarp_backward(const ondol_roiwarp_backward_args* args, const ondol_cuda_queue* queue,
                                    ondol_error* error) {
  Launcher launcher(queue, error);
  const ondol_roiwarp_args& f = args->forward;
  launcher.launch("roiwarp_backward", roiwarp_gradient, ceil_div(f.batch * f.channels * f.x_height * f.x_width, THREADS),
                  THREADS, 0, *args);
  return launcher.status();
}
