// roipool and roialign with their gradients: the answers must have the CPU library's bits.
#include "buffer.h"

namespace times {
namespace {

struct Shape {
  int64_t rois, batch, channels, height, width, bins;

  int64_t map() const { return batch * channels * height * width; }
  int64_t results() const { return rois * channels * bins * bins; }
};

// Boxes in an image four times the map's size. bench/cuda/peers.py makes the same.
std::vector<float> boxes(const Shape& s) {
  std::vector<float> out;
  for (int64_t i = 0; i < s.rois; i++) {
    int64_t x = i * 37 % (s.width * 8 / 3), y = i * 53 % (s.height * 8 / 3);
    for (int64_t v : {x, y, x + 32 + i * 29 % (s.width * 5 / 4), y + 32 + i * 31 % (s.height * 5 / 4)}) {
      out.push_back(static_cast<float>(v));
    }
  }
  return out;
}

std::vector<int32_t> images(const Shape& s) {
  std::vector<int32_t> out;
  for (int64_t i = 0; i < s.rois; i++) out.push_back(static_cast<int32_t>(i % s.batch));
  return out;
}

void set_map(ondol_roi_map& map, const Shape& s, const float* x) {
  map = {x, s.channels * s.height * s.width, s.height * s.width, s.height, s.width, 0.25};
}

std::string compare(const char* what, const std::vector<float>& actual, const std::vector<float>& expected) {
  for (size_t i = 0; i < actual.size(); i++) {
    if (std::memcmp(&actual[i], &expected[i], 4) == 0) continue;
    return std::string(what) + "[" + std::to_string(i) + "] is " + std::to_string(actual[i]) + ", the CPU library has " +
           std::to_string(expected[i]);
  }
  return "";
}

class RegionsJob : public Job {
 protected:
  explicit RegionsJob(const Shape& s)
      : shape_(s), boxes_(boxes(s)), images_(images(s)), x_(random_values(s.map(), 1), Precision::FLOAT32),
        y_(s.results(), Precision::FLOAT32), dy_(random_values(s.results(), 2), Precision::FLOAT32),
        dx_(s.map(), Precision::FLOAT32), indices_(std::vector<int32_t>(static_cast<size_t>(s.results()))),
        host_y_(static_cast<size_t>(s.results())), host_dx_(static_cast<size_t>(s.map())),
        host_indices_(static_cast<size_t>(s.results())) {}

  ondol_rois rois(bool host) const {
    return host ? ondol_rois{shape_.rois, boxes_.values().data(), images_.values().data(), nullptr}
                : ondol_rois{shape_.rois, boxes_.data(), images_.data(), nullptr};
  }

  const float* x(bool host) const { return host ? x_.values().data() : x_.data(); }
  float* y(bool host) { return host ? host_y_.data() : y_.data(); }
  const float* dy(bool host) const { return host ? dy_.values().data() : dy_.data(); }
  float* dx(bool host) { return host ? host_dx_.data() : dx_.data(); }
  int32_t* indices(bool host) { return host ? host_indices_.data() : const_cast<int32_t*>(indices_.data()); }

  std::string same_y() const { return compare("y", y_.read(), host_y_); }
  std::string same_dx() const { return compare("dx", dx_.read(), host_dx_); }

  Shape shape_;

 private:
  Table<float> boxes_;
  Table<int32_t> images_;
  Buffer x_, y_, dy_, dx_;
  Table<int32_t> indices_;
  std::vector<float> host_y_, host_dx_;
  std::vector<int32_t> host_indices_;
};

class RoiPoolJob : public RegionsJob {
 public:
  RoiPoolJob(const Shape& s, bool backward) : RegionsJob(s), backward_(backward) {
    forward_.prepare(forward(false), EXACT, ondol_cuda_roipool_workspace, ondol_cuda_roipool);
    if (!backward) return;
    forward_.run();
    gradient_.prepare(gradient(false), EXACT, ondol_cuda_roipool_backward_workspace, ondol_cuda_roipool_backward);
  }

  void call() override { backward_ ? gradient_.run() : forward_.run(); }

  std::string check() override {
    ondol_error error;
    ondol_roipool_args args = forward(true);
    if (ondol_roipool(&args, &error) != ONDOL_OK) return error.message;
    if (!backward_) return same_y();
    ondol_roipool_backward_args back = gradient(true);
    if (ondol_roipool_backward(&back, &error) != ONDOL_OK) return error.message;
    return same_dx();
  }

 private:
  ondol_roipool_args forward(bool host) {
    ondol_roipool_args args = {};
    args.op = ONDOL_ROIPOOL_MAX, args.rounding = ONDOL_ROI_ROUND;
    args.batch = shape_.batch, args.channels = shape_.channels, args.levels = 1;
    set_map(args.map[0], shape_, x(host));
    args.rois = rois(host);
    args.grids = 1, args.rows[0] = args.columns[0] = shape_.bins;
    args.y = y(host), args.indices = indices(host);
    return args;
  }

  ondol_roipool_backward_args gradient(bool host) { return {forward(host), dy(host), {dx(host)}}; }

  bool backward_;
  Call<ondol_roipool_args> forward_;
  Call<ondol_roipool_backward_args> gradient_;
};

class RoiAlignJob : public RegionsJob {
 public:
  RoiAlignJob(const Shape& s, bool backward) : RegionsJob(s), backward_(backward) {
    forward_.prepare(forward(false), EXACT, ondol_cuda_roialign_workspace, ondol_cuda_roialign);
    gradient_.prepare(gradient(false), EXACT, ondol_cuda_roialign_backward_workspace, ondol_cuda_roialign_backward);
  }

  void call() override { backward_ ? gradient_.run() : forward_.run(); }

  std::string check() override {
    ondol_error error;
    ondol_roialign_args args = forward(true);
    ondol_roialign_backward_args back = gradient(true);
    if ((backward_ ? ondol_roialign_backward(&back, &error) : ondol_roialign(&args, &error)) != ONDOL_OK) return error.message;
    return backward_ ? same_dx() : same_y();
  }

 private:
  ondol_roialign_args forward(bool host) {
    ondol_roialign_args args = {};
    args.op = ONDOL_ROIALIGN_AVERAGE, args.aligned = 1, args.sampling_h = args.sampling_w = 2;
    args.batch = shape_.batch, args.channels = shape_.channels, args.levels = 1;
    set_map(args.maps[0], shape_, x(host));
    args.rois = rois(host);
    args.rows = args.columns = shape_.bins;
    args.y = y(host);
    return args;
  }

  ondol_roialign_backward_args gradient(bool host) { return {forward(host), dy(host), {dx(host)}}; }

  bool backward_;
  Call<ondol_roialign_args> forward_;
  Call<ondol_roialign_backward_args> gradient_;
};

}  // namespace

void add_regions(std::vector<Entry>& to, bool tiny) {
  Shape s = tiny ? Shape{9, 2, 3, 20, 30, 3} : Shape{1000, 2, 256, 200, 304, 7};
  for (bool backward : {false, true}) {
    std::string suffix = backward ? "_backward" : "";
    to.push_back({"roipool" + suffix, "7x7 of 1000 regions 256x200x304", {EXACT},
                  [=](Precision) { return std::make_unique<RoiPoolJob>(s, backward); }});
    to.push_back({"roialign" + suffix, "7x7 of 1000 regions 256x200x304", {EXACT},
                  [=](Precision) { return std::make_unique<RoiAlignJob>(s, backward); }});
  }
}

}  // namespace times
