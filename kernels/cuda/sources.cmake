# The kernels, for the device library and for its emulation.
set(ONDOL_CUDA_SOURCES
  attention/attention.cu
  attention/backward.cu
  conv/conv.cu
  conv/convweight.cu
  conv/deconv.cu
  conv/direct.cu
  conv/tiles.cu
  elementwise/elementwise.cu
  embedding/embedding.cu
  gemm/gemm.cu
  layernorm/layernorm.cu
  reduce/reduce.cu
  softmax/softmax.cu
  resize/resize.cu
  batchnorm/batchnorm.cu
  pool/pool.cu
  pool/unpool.cu
  iou/iou.cu
  roiwarp/roiwarp.cu
  topk/topk.cu
  nms/nms.cu
  roialign/roialign.cu
  roialign/backward.cu
  roipool/roipool.cu
  common/library.cu)
list(TRANSFORM ONDOL_CUDA_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
