// How much boxes overlap, one thread per value, and the gradient of the paired form, one thread per pair.
#include "../common/math.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

struct Box {
  float x1, y1, x2, y2;
};

ONDOL_DEVICE Box box(const float* boxes, int64_t i) {
  return {boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]};
}

ONDOL_DEVICE float extent(float low, float high, float pixel) { return add(sub(high, low), pixel); }
ONDOL_DEVICE float width(const Box& b, float pixel) { return extent(b.x1, b.x2, pixel); }
ONDOL_DEVICE float height(const Box& b, float pixel) { return extent(b.y1, b.y2, pixel); }
ONDOL_DEVICE float area(const Box& b, float pixel) { return mul(relu(width(b, pixel)), relu(height(b, pixel))); }
ONDOL_DEVICE float ratio(float x, float y) { return y == 0.0f ? 0.0f : div(x, y); }

ONDOL_DEVICE Box inner(const Box& a, const Box& b) {
  return {maximum(a.x1, b.x1), maximum(a.y1, b.y1), minimum(a.x2, b.x2), minimum(a.y2, b.y2)};
}

ONDOL_DEVICE Box outer(const Box& a, const Box& b) {
  return {minimum(a.x1, b.x1), minimum(a.y1, b.y1), maximum(a.x2, b.x2), maximum(a.y2, b.y2)};
}

__global__ void __launch_bounds__(THREADS) iou_values(ondol_iou_args args) {
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (index >= (args.paired != 0 ? args.n : args.n * args.m)) return;
  float pixel = static_cast<float>(args.pixel);
  Box a = box(args.a, args.paired != 0 ? index : index / args.m);
  Box b = box(args.b, args.paired != 0 ? index : index % args.m);
  float both = area(inner(a, b), pixel);
  if (args.kind == ONDOL_IOA) {
    args.out[index] = ratio(both, area(a, pixel));
    return;
  }
  float either = sub(add(area(a, pixel), area(b, pixel)), both);
  float v = ratio(both, either);
  if (args.kind == ONDOL_GIOU) {
    float around = area(outer(a, b), pixel);
    v = sub(v, ratio(sub(around, either), around));
  }
  args.out[index] = v;
}

// d where the extent was not cut.
ONDOL_DEVICE float passed(float extent, float d) { return extent > 0.0f ? d : 0.0f; }

// The part of d, the gradient of min(u, v), that goes to u.
ONDOL_DEVICE float share(float u, float v, float d) { return u < v ? d : u == v ? mul(0.5f, d) : 0.0f; }

ONDOL_DEVICE float low(float span, float own, float other, float inner, float outer) {
  return -add(add(span, share(other, own, inner)), share(own, other, outer));
}

ONDOL_DEVICE float high(float span, float own, float other, float inner, float outer) {
  return add(add(span, share(own, other, inner)), share(other, own, outer));
}

// The corners of a, from the gradients of the extents of what both boxes hold and of what holds both.
ONDOL_DEVICE void gradient(const Box& a, const Box& b, float u, float pixel, float inner_x, float inner_y, float outer_x,
                           float outer_y, float* to) {
  float wide = passed(width(a, pixel), mul(u, relu(height(a, pixel))));
  float tall = passed(height(a, pixel), mul(u, relu(width(a, pixel))));
  to[0] = low(wide, a.x1, b.x1, inner_x, outer_x);
  to[1] = low(tall, a.y1, b.y1, inner_y, outer_y);
  to[2] = high(wide, a.x2, b.x2, inner_x, outer_x);
  to[3] = high(tall, a.y2, b.y2, inner_y, outer_y);
}

__global__ void __launch_bounds__(THREADS) iou_gradient(ondol_iou_backward_args args) {
  int64_t i = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (i >= args.n) return;
  float pixel = static_cast<float>(args.pixel);
  Box a = box(args.a, i);
  Box b = box(args.b, i);
  Box in = inner(a, b);
  Box out = outer(a, b);
  float dy = args.dout[i];
  float both = area(in, pixel);
  float either = sub(add(area(a, pixel), area(b, pixel)), both);
  float q = ratio(dy, either);
  float u = -mul(q, ratio(both, either));
  float c = 0.0f;
  if (args.kind == ONDOL_GIOU) {
    float around = area(out, pixel);
    float r = ratio(dy, around);
    u = add(u, r);
    c = -mul(r, ratio(either, around));
  }
  float g = sub(q, u);
  float inner_x = passed(width(in, pixel), mul(g, relu(height(in, pixel))));
  float inner_y = passed(height(in, pixel), mul(g, relu(width(in, pixel))));
  float outer_x = passed(width(out, pixel), mul(c, relu(height(out, pixel))));
  float outer_y = passed(height(out, pixel), mul(c, relu(width(out, pixel))));
  if (args.da != nullptr) gradient(a, b, u, pixel, inner_x, inner_y, outer_x, outer_y, args.da + 4 * i);
  if (args.db != nullptr) gradient(b, a, u, pixel, inner_x, inner_y, outer_x, outer_y, args.db + 4 * i);
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_iou_workspace(const ondol_iou_args*) { return 0; }

int64_t ondol_cuda_iou(const ondol_iou_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  int64_t count = args->paired != 0 ? args->n : args->n * args->m;
  launcher.launch("iou", iou_values, ceil_div(count, THREADS), THREADS, 0, *args);
  return launcher.status();
}

int64_t ondol_cuda_iou_backward_workspace(const ondol_iou_backward_args*) { return 0; }

int64_t ondol_cuda_iou_backward(const ondol_iou_backward_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  launcher.launch("iou_backward", iou_gradient, ceil_div(args->n, THREADS), THREADS, 0, *args);
  return launcher.status();
}
