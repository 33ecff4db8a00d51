// What one call costs when the kernel does next to nothing: the floor that a call from Java is compared with.
#include "buffer.h"

namespace times {
namespace {

class CallJob : public Job {
 public:
  static constexpr int64_t COUNT = 1024;

  CallJob() : x_(random_values(COUNT, 1), Precision::FLOAT32), y_(COUNT, Precision::FLOAT32) {
    ondol_elementwise_args args = {};
    args.op = 1;  // neg
    args.rank = 1;
    args.shape[0] = COUNT;
    args.x = x_.data(), args.out = y_.data();
    args.x_stride[0] = args.out_stride[0] = 1;
    call_.prepare(args, EXACT, ondol_cuda_elementwise_workspace, ondol_cuda_elementwise);
  }

  void call() override { call_.run(); }

  std::string check() override {
    std::vector<float> y = y_.read();
    for (int64_t i = 0; i < COUNT; i++) {
      auto at = static_cast<size_t>(i);
      if (y[at] != -x_.values()[at]) return "y[" + std::to_string(i) + "] is not -x";
    }
    return "";
  }

 private:
  Buffer x_, y_;
  Call<ondol_elementwise_args> call_;
};

}  // namespace

void add_call(std::vector<Entry>& to, bool) {
  to.push_back({"call", "elementwise 1024", {EXACT}, [](Precision) { return std::make_unique<CallJob>(); }});
}

}  // namespace times
