// Batch normalisation of [batch, channels, size]. A segment of a plane goes to sixteen threads, one partial of sum16 each;
// a thread per channel adds its segments in order; the rest is one thread per element.
#include "../common/lanes.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;
constexpr int64_t SEGMENT = 4096;  // elements under one sum16: part of the definition

// [batch, channels, size], its segments counted by channels first.
struct Planes {
  int64_t batch, channels, size;

  __host__ __device__ int64_t segments() const { return (size + SEGMENT - 1) / SEGMENT; }
  __host__ __device__ int64_t parts() const { return batch * channels * segments(); }
  __host__ __device__ int64_t elements() const { return batch * channels * size; }
  ONDOL_DEVICE float count() const { return static_cast<float>(batch * size); }
  ONDOL_DEVICE int64_t channel(int64_t index) const { return index / size % channels; }
};

// The row of a thread's segment; `part` counts past the last one for threads without work, which still take part.
struct Segment {
  LaneRow row;
  int64_t part, channel, at;

  ONDOL_DEVICE Segment(const Planes& p, int64_t thread) {
    part = thread / LANES;
    bool live = part < p.parts();
    int64_t index = live ? part : 0;
    channel = index / (p.batch * p.segments());
    int64_t image = index / p.segments() % p.batch;
    int64_t first = index % p.segments() * SEGMENT;
    at = (image * p.channels + channel) * p.size + first;
    row = LaneRow{live ? (p.size - first < SEGMENT ? p.size - first : SEGMENT) : 0, static_cast<int>(thread % LANES)};
  }

  ONDOL_DEVICE bool writes(const Planes& p) const { return row.lane == 0 && part < p.parts(); }
};

ONDOL_DEVICE int64_t thread_index() { return static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x; }

// Adds up a channel's segments.
ONDOL_DEVICE float fold(const Planes& p, const float* sums, int64_t channel) {
  int64_t parts = p.batch * p.segments();
  float acc = 0.0f;
  for (int64_t i = channel * parts; i < (channel + 1) * parts; ++i) acc = add(acc, sums[i]);
  return acc;
}

__global__ void __launch_bounds__(THREADS) batchnorm_sums(Planes p, const float* x, const float* mean, float* sums) {
  Segment s(p, thread_index());
  const float* from = x + s.at;
  float m = mean == nullptr ? 0.0f : mean[s.channel];
  float sum = mean == nullptr ? s.row.fold(0.0f, [=](float a, int64_t i) { return add(a, from[i]); }, Add())
                              : s.row.fold(0.0f, [=](float a, int64_t i) {
                                  float d = sub(from[i], m);
                                  return fma(d, d, a);
                                }, Add());
  if (s.writes(p)) sums[s.part] = sum;
}

__global__ void __launch_bounds__(THREADS) batchnorm_fold(Planes p, const float* sums, float* to) {
  int64_t c = thread_index();
  if (c < p.channels) to[c] = div(fold(p, sums, c), p.count());
}

__global__ void __launch_bounds__(THREADS) batchnorm_finish(Planes p, ondol_batchnorm_args args, float epsilon,
                                                            float* affine) {
  int64_t c = thread_index();
  if (c >= p.channels) return;
  float gamma = args.gamma == nullptr ? 1.0f : args.gamma[c];
  float beta = args.beta == nullptr ? 0.0f : args.beta[c];
  float root = sqrt(add(args.variance[c], epsilon));
  float rstd = div(1.0f, root);
  bool training = args.training != 0;
  float scale = training ? mul(gamma, rstd) : div(gamma, root);
  if (args.rstd != nullptr) args.rstd[c] = rstd;
  affine[3 * c] = training ? args.mean[c] : 0.0f;
  affine[3 * c + 1] = scale;
  affine[3 * c + 2] = training ? beta : fma(-args.mean[c], scale, beta);
}

__global__ void __launch_bounds__(THREADS) batchnorm_elements(Planes p, ondol_batchnorm_args args, const float* affine) {
  int64_t index = thread_index();
  if (index >= p.elements()) return;
  const float* a = affine + 3 * p.channel(index);
  float y = fma(sub(args.x[index], a[0]), a[1], a[2]);
  args.y[index] = args.relu != 0 && y < 0.0f ? 0.0f : y;
}

// dy behind the relu, where there was one.
ONDOL_DEVICE float incoming(const ondol_batchnorm_backward_args& args, int64_t index) {
  return args.y == nullptr || args.y[index] > 0.0f ? args.dy[index] : 0.0f;
}

ONDOL_DEVICE float standard(const ondol_batchnorm_backward_args& args, int64_t index, float mean, float rstd) {
  return mul(sub(args.x[index], mean), rstd);
}

__global__ void __launch_bounds__(THREADS) batchnorm_gradient_sums(Planes p, ondol_batchnorm_backward_args args,
                                                                   float* plain, float* weighted) {
  Segment s(p, thread_index());
  float mean = args.mean[s.channel];
  float rstd = args.rstd[s.channel];
  int64_t at = s.at;
  float first = s.row.fold(0.0f, [=](float a, int64_t i) { return add(a, incoming(args, at + i)); }, Add());
  float second = s.row.fold(0.0f, [=](float a, int64_t i) {
    return fma(incoming(args, at + i), standard(args, at + i, mean, rstd), a);
  }, Add());
  if (!s.writes(p)) return;
  plain[s.part] = first;
  weighted[s.part] = second;
}

__global__ void __launch_bounds__(THREADS) batchnorm_gradient_fold(Planes p, ondol_batchnorm_backward_args args,
                                                                   const float* plain, const float* weighted,
                                                                   float* totals) {
  int64_t c = thread_index();
  if (c >= p.channels) return;
  totals[2 * c] = fold(p, plain, c);
  totals[2 * c + 1] = fold(p, weighted, c);
  if (args.dbeta != nullptr) args.dbeta[c] = totals[2 * c];
  if (args.dgamma != nullptr) args.dgamma[c] = totals[2 * c + 1];
}

__global__ void __launch_bounds__(THREADS) batchnorm_gradient(Planes p, ondol_batchnorm_backward_args args,
                                                              const float* totals) {
  int64_t index = thread_index();
  if (index >= p.elements()) return;
  int64_t c = p.channel(index);
  float rstd = args.rstd[c];
  float factor = args.gamma == nullptr ? rstd : mul(args.gamma[c], rstd);
  float g = incoming(args, index);
  if (args.training != 0) {
    float s1 = div(totals[2 * c], p.count());
    float s2 = div(totals[2 * c + 1], p.count());
    g = fma(-standard(args, index, args.mean[c], rstd), s2, sub(g, s1));
  }
  args.dx[index] = mul(factor, g);
}

int64_t blocks(int64_t threads) { return ceil_div(threads, THREADS); }

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_batchnorm_workspace(const ondol_batchnorm_args* args) {
  Planes p = {args->batch, args->channels, args->size};
  return (3 * args->channels + (args->training != 0 ? p.parts() : 0)) * 4;
}

int64_t ondol_cuda_batchnorm(const ondol_batchnorm_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  Planes p = {args->batch, args->channels, args->size};
  float* affine = static_cast<float*>(queue->workspace);
  float* sums = affine + 3 * args->channels;
  const float* none = nullptr;
  const float* mean = args->mean;
  const float* folded = sums;
  if (args->training != 0) {
    launcher.launch("batchnorm", batchnorm_sums, blocks(p.parts() * LANES), THREADS, 0, p, args->x, none, sums);
    launcher.launch("batchnorm", batchnorm_fold, blocks(p.channels), THREADS, 0, p, folded, args->mean);
    launcher.launch("batchnorm", batchnorm_sums, blocks(p.parts() * LANES), THREADS, 0, p, args->x, mean, sums);
    launcher.launch("batchnorm", batchnorm_fold, blocks(p.channels), THREADS, 0, p, folded, args->variance);
  }
  launcher.launch("batchnorm", batchnorm_finish, blocks(p.channels), THREADS, 0, p, *args, static_cast<float>(args->eps),
                  affine);
  launcher.launch("batchnorm", batchnorm_elements, blocks(p.elements()), THREADS, 0, p, *args,
                  const_cast<const float*>(affine));
  return launcher.status();
}

int64_t ondol_cuda_batchnorm_backward_workspace(const ondol_batchnorm_backward_args* args) {
  Planes p = {args->batch, args->channels, args->size};
  return (2 * args->channels + 2 * p.parts()) * 4;
}

int64_t ondol_cuda_batchnorm_backward(const ondol_batchnorm_backward_args* args, const ondol_cuda_queue* queue,
                                      ondol_error* error) {
  Launcher launcher(queue, error);
  Planes p = {args->batch, args->channels, args->size};
  float* totals = static_cast<float*>(queue->workspace);
  float* plain = totals + 2 * args->channels;
  float* weighted = plain + p.parts();
  launcher.launch("batchnorm_backward", batchnorm_gradient_sums, blocks(p.parts() * LANES), THREADS, 0, p, *args, plain,
                  weighted);
  launcher.launch("batchnorm_backward", batchnorm_gradient_fold, blocks(p.channels), THREADS, 0, p, *args,
                  const_cast<const float*>(plain), const_cast<const float*>(weighted), totals);
  if (args->dx != nullptr) {
    launcher.launch("batchnorm_backward", batchnorm_gradient, blocks(p.elements()), THREADS, 0, p, *args,
                    const_cast<const float*>(totals));
  }
  return launcher.status();
}
