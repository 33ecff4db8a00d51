/* Ondol's C ABI: the only interface of the native library.
 *
 * Conventions
 * - Every field of every struct is eight bytes wide (int64_t, double or a pointer), so the layout is the same for
 *   every compiler and a caller in another language may write a struct as consecutive 64-bit words.
 * - Sizes and strides are counted in elements, never in bytes. Unless a field says otherwise the last dimension has
 *   unit stride.
 * - A kernel has three functions. ondol_STEM checks its arguments and runs on the library's own threads; it is what a
 *   C or C++ program calls. ondol_STEM_plan chooses a variant and says how many independent tasks each phase has and
 *   how much workspace they share; ondol_STEM_run executes tasks [begin, end) of one phase, unchecked, on the calling
 *   thread: a host with a thread pool of its own (the JVM side) drives these two. All tasks of a phase must be done
 *   before the next phase begins.
 * - The arithmetic (order of every reduction, exp, tanh and erf) is part of each operation's definition and is the same
 *   bit for bit on every variant, thread count and backend; see docs/arithmetic.md.
 */
#ifndef ONDOL_H
#define ONDOL_H

#include <stdint.h>

#if defined(_WIN32)
#define ONDOL_API __declspec(dllexport)
#else
#define ONDOL_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define ONDOL_MAX_PHASES 8
#define ONDOL_MAX_RANK 6
#define ONDOL_BATCH_RANK 4

typedef enum ondol_status {
  ONDOL_OK = 0,
  ONDOL_INVALID_ARGUMENT = 1, /* message names the argument, its value and what was expected */
  ONDOL_UNSUPPORTED = 2,      /* no kernel computes this here: a forced variant, a precision, a size; the message names it */
  ONDOL_OUT_OF_MEMORY = 3,
  ONDOL_DEVICE_REFUSED = 4    /* a CUDA device did not take the work; the message has CUDA's words */
} ondol_status;

/* Where a failing call writes its reason; may be null. */
typedef struct ondol_error {
  int64_t status;
  char message[248];
} ondol_error;

/* How a call is executed: filled by ondol_STEM_plan, read by ondol_STEM_run. */
typedef struct ondol_plan {
  int64_t variant;                  /* in: index into the stem's variants, or -1 for the best; out: the one chosen */
  int64_t threads;                  /* in: how many threads will run tasks; changes the tiling, never the result */
  int64_t phases;                   /* out */
  int64_t tasks[ONDOL_MAX_PHASES];  /* out: independent tasks per phase */
  int64_t workspace;                /* out: bytes shared by all tasks, to be 64-byte aligned; contents need no init */
  int64_t scratch;                  /* out: bytes per thread, 64-byte aligned */
  int64_t choice[16];               /* out: block sizes, private to the variant */
} ondol_plan;

typedef enum ondol_activation {
  ONDOL_NONE = 0, ONDOL_RELU = 1, ONDOL_GELU = 2, ONDOL_GELU_TANH = 3, ONDOL_SIGMOID = 4, ONDOL_TANH = 5, ONDOL_SILU = 6
} ondol_activation;

/* How products are formed, the last field of the calls that know it. Only the first is the one arithmetic, and the only
 * one of this library; the others are for tensor cores, with float32 sums in the device's order. With BFLOAT16 and
 * FLOAT16 the operands and the result are 16 bits wide in memory: the pointers of a, b, packed, c, q, k, v, out, x,
 * weight, y, residual and their gradients point to those elements, and strides count them. Biases, the log-sum-exp and
 * what else is small stay float32. A value is rounded to nearest even, a result once, at the end. */
typedef enum ondol_precision {
  ONDOL_EXACT = 0,      /* float32, one chain of fused multiply-adds */
  ONDOL_BFLOAT16 = 1,
  ONDOL_FLOAT16 = 2,
  ONDOL_TF32 = 3,       /* float32 in memory, operands rounded to 10 bits of fraction */
  ONDOL_BFLOAT16X3 = 4  /* float32 in memory, an operand is a sum of two bfloat16: hi hi + hi lo + lo hi */
} ondol_precision;

/* ---- gemm: C[b,i,j] = act(alpha * sum_k A[b,i,k] B[b,k,j] + bias[j]) + residual[b,i,j] -------------------------
 * Each sum is one chain of fused multiply-adds over ascending k from +0; then the product with alpha (skipped when it
 * is 1), the additions and the activation are rounded separately, in that order. C must not overlap an input, except
 * that it may be exactly the residual. */
typedef struct ondol_gemm_args {
  int64_t batch[ONDOL_BATCH_RANK]; /* unused leading dimensions are 1 */
  int64_t m, n, k;
  const float* a; int64_t a_batch[ONDOL_BATCH_RANK]; int64_t a_row, a_col; /* any strides, 0 broadcasts a batch */
  const float* b; int64_t b_batch[ONDOL_BATCH_RANK]; int64_t b_row, b_col; /* null where packed is given */
  const float* packed;                                                     /* from ondol_gemm_pack; batch-free */
  float* c; int64_t c_batch[ONDOL_BATCH_RANK]; int64_t c_row;
  const float* bias;                                                       /* [n], or null */
  const float* residual; int64_t residual_batch[ONDOL_BATCH_RANK]; int64_t residual_row; /* or null */
  int64_t activation;                                                      /* ondol_activation */
  double alpha;                                                            /* used as float */
  int64_t precision;                                                       /* ondol_precision */
} ondol_gemm_args;

/* Floats needed for B[k,n] packed: ceil(n/16) panels of k rows of 16, zero-filled at the right edge. The layout
 * (panel p, row r, lane l holds B[r, 16 p + l]) is the same for every variant. */
ONDOL_API int64_t ondol_gemm_packed_size(int64_t k, int64_t n);
ONDOL_API void ondol_gemm_pack(const float* b, int64_t k, int64_t n, int64_t row, int64_t col, float* packed);

/* ---- attention ------------------------------------------------------------------------------------------------
 * See java-api/core/src/main/java/org/ondol/ops/Attention.java for the contract. */
typedef struct ondol_attention_args {
  int64_t batch, heads, kv_heads, q_len, kv_len, head_dim, value_dim;
  const float* q; int64_t q_stride[3];     /* batch, head, position */
  const float* k; int64_t k_stride[3];
  const float* v; int64_t v_stride[3];
  float* out; int64_t out_stride[3];
  float* lse; int64_t lse_stride[3];       /* natural log; null when not wanted */
  const uint8_t* mask; int64_t mask_stride[4]; /* nonzero may attend; [B,H,Lq,Lk] by strides, 0 broadcasts; or null */
  const float* bias; int64_t bias_stride[4];   /* added to the scaled score; or null */
  const float* alibi;                      /* slopes [heads]; or null */
  const int64_t* kv_lengths;               /* [batch]: keys in use; or null */
  const int64_t* q_offsets;                /* [batch+1]: packed sequences; the batch stride is then unused; or null */
  const int64_t* kv_offsets;               /* [batch+1]; given exactly when q_offsets is */
  const int64_t* pages;                    /* [batch, pages_per_batch]: page p of a batch is K/V "batch" pages[..]; or null */
  int64_t pages_per_batch, page_size, page_count; /* page_size keys each; K and V are [page_count, kv_heads, page_size, D] */
  int64_t bottom_right;                    /* 0: diagonal starts top-left; 1: it ends bottom-right */
  int64_t window_left, window_right;       /* keys visible beside the diagonal; -1 is unbounded; causal: right = 0 */
  double scale, softcap;                   /* softcap 0: none */
  double dropout; int64_t seed;            /* probability of dropping a weight; counter-based, see docs/arithmetic.md */
  int64_t precision;                       /* ondol_precision */
} ondol_attention_args;

/* Gradient: reads the forward's operands, out and lse; writes (does not add to) the gradients that are not null. Its
 * precision is the forward's; dbias stays float32. */
typedef struct ondol_attention_backward_args {
  ondol_attention_args forward;
  const float* dout; int64_t dout_stride[3];
  float* dq; int64_t dq_stride[3];
  float* dk; int64_t dk_stride[3];
  float* dv; int64_t dv_stride[3];
  float* dbias; int64_t dbias_stride[4];   /* same shape and broadcast as bias; sums over broadcast dims in order */
} ondol_attention_backward_args;

/* ---- softmax over the last of [rows, n], elements strided by `step` inside a row ----------------------------- */
typedef struct ondol_softmax_args {
  int64_t outer, n, inner;  /* x viewed as contiguous [outer, n, inner], normalised over n */
  const float* x;
  float* y;                 /* may be x */
  int64_t log;              /* 1: log softmax */
} ondol_softmax_args;

typedef struct ondol_softmax_backward_args {
  int64_t outer, n, inner;
  const float* y; const float* dy; float* dx; /* dx may be dy */
  int64_t log;
} ondol_softmax_backward_args;

/* ---- layernorm over rows of [rows, n]: y = (x - mean) / sqrt(var + eps) * gamma + beta ------------------------ */
typedef struct ondol_layernorm_args {
  int64_t rows, n, x_row, y_row;
  const float* x; const float* gamma; const float* beta; /* gamma, beta: [n] or null */
  float* y;                                              /* may be x */
  float* mean; float* rstd;                              /* [rows], or null */
  double eps;
} ondol_layernorm_args;

typedef struct ondol_layernorm_backward_args {
  int64_t rows, n, x_row, dy_row, dx_row;
  const float* x; const float* gamma; const float* dy; const float* mean; const float* rstd;
  float* dx; float* dgamma; float* dbeta;                /* each may be null */
} ondol_layernorm_backward_args;

/* ---- elementwise: out = op(x [, y]) over broadcast strides; `op` is the index in elementwise/ops.inc ---------- */
typedef struct ondol_elementwise_args {
  int64_t op;
  int64_t rank; int64_t shape[ONDOL_MAX_RANK];
  const float* x; int64_t x_stride[ONDOL_MAX_RANK];
  const float* y; int64_t y_stride[ONDOL_MAX_RANK];      /* null for unary ops */
  float* out; int64_t out_stride[ONDOL_MAX_RANK];        /* may be exactly x or y */
  double param;                                          /* the op's constant, where it has one */
} ondol_elementwise_args;

/* Types of elements, numbered like the precisions of the products that take them. */
typedef enum ondol_type { ONDOL_TYPE_FLOAT32 = 0, ONDOL_TYPE_BFLOAT16 = 1, ONDOL_TYPE_FLOAT16 = 2 } ondol_type;

/* ---- cast: y = x in another type, rounded once to nearest even; equal types copy bits. y overlaps nothing. ---- */
typedef struct ondol_cast_args {
  int64_t from, to;                                /* ondol_type of x and of y */
  int64_t rank; int64_t shape[ONDOL_MAX_RANK];
  const void* x; int64_t x_stride[ONDOL_MAX_RANK]; /* 0 broadcasts */
  void* y; int64_t y_stride[ONDOL_MAX_RANK];
} ondol_cast_args;

/* ---- reduce: [outer, n, inner] -> [outer, inner] -------------------------------------------------------------- */
typedef enum ondol_reduction { ONDOL_SUM = 0, ONDOL_MEAN = 1, ONDOL_MAX = 2, ONDOL_SUMSQ = 3 } ondol_reduction;
typedef struct ondol_reduce_args {
  int64_t op; /* ondol_reduction */
  int64_t outer, n, inner;
  const float* x; float* y;
} ondol_reduce_args;

/* ---- embedding: out[i,:] = table[ids[i],:] --------------------------------------------------------------------- */
typedef struct ondol_embedding_args {
  int64_t count, vocabulary, width, table_row, out_row;
  const float* table;
  const void* ids; int64_t id_bytes; /* 4 or 8, signed; an id outside [0, vocabulary) writes zeros */
  float* out;
} ondol_embedding_args;

/* dtable[v,:] = the sum over i with ids[i] = v, in ascending order of i, of dout[i,:]; rows without an id get 0. */
typedef struct ondol_embedding_backward_args {
  int64_t count, vocabulary, width, table_row, out_row;
  const float* dout;
  const void* ids; int64_t id_bytes;
  float* dtable;
} ondol_embedding_backward_args;

/* ---- conv, maskedconv, deconv: see docs/arithmetic.md, Convolution ----------------------------------------------
 * Maps have contiguous planes [height, width]; images and channels lie any strides apart. For conv and convweight x is
 * the map that the filters slide over and y the result, for deconv x is the small map and y the large one.
 *
 * Live filter entries (maskedconv): `classes` sets of y's channels, each within one group, that share their live
 * entries. Class i has the channels channels[channel_start[i] .. channel_start[i+1]), every channel of y being in
 * exactly one class, and the live entries live[live_start[i] .. live_start[i+1]), strictly ascending, as
 * (c * kernel_h + ky) * kernel_w + kx with c the channel of x within the group. classes = 0: every entry is live.
 *
 * Packed filters: for each class (without a mask: each group), for each 16 of its channels in order, a panel with one
 * row of 16 for every live entry, zero-filled beyond the class. Rows are in ascending order for conv; for deconv they
 * are ordered by (ky * dilation_h % stride_h, kx * dilation_w % stride_w), then ascending. */
typedef struct ondol_conv_args {
  int64_t batch, groups;
  int64_t x_channels, x_height, x_width;
  int64_t y_channels, y_height, y_width;
  int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  int64_t begin_h, end_h, begin_w, end_w; /* the part of y that is computed; 0, y_height, 0, y_width for all */
  const float* x; int64_t x_batch, x_channel;
  const float* weight; /* contiguous; conv: [y_channels, x_channels / groups, kernel_h, kernel_w]; deconv:
                          [x_channels, y_channels / groups, kernel_h, kernel_w]; null where packed is given */
  const float* packed; /* or null */
  float* y; int64_t y_batch, y_channel;
  const float* bias;   /* [y_channels], or null */
  const float* residual; int64_t residual_batch, residual_channel; /* added before the activation; may be y; or null */
  int64_t activation;  /* ondol_activation */
  double slope;        /* of relu for negative values; 0 is the plain relu */
  int64_t classes;
  const int32_t* channel_start; const int32_t* channels; const int32_t* live_start; const int32_t* live;
  int64_t precision;   /* ondol_precision */
} ondol_conv_args;
typedef ondol_conv_args ondol_deconv_args;

/* dw of conv, in the shape of its weight; weight, packed, y, bias and residual of `forward` are not read, and the
 * window must be all of y. Its precision is the forward's. */
typedef struct ondol_convweight_args {
  ondol_conv_args forward;
  const float* dy; int64_t dy_batch, dy_channel;
  float* dw; /* contiguous; overwritten */
} ondol_convweight_args;

/* conv with other roundings: Winograd's F(4 x 4, 3 x 3). 3 x 3 filters, stride 1, dilation 1, one group, no mask, all of
 * y. `packed` holds the transformed filters U = G w G^T: for each of the 36 values of U and each 16 channels of y a panel
 * with one row of 16 for every channel of x, zero beyond y's channels; weight is null. */
typedef ondol_conv_args ondol_winograd_args;

/* Floats of the packed filters of a conv (or a deconv: transposed = 1), and packing them from args->weight. */
ONDOL_API int64_t ondol_conv_packed_size(const ondol_conv_args* args, int64_t transposed);
ONDOL_API void ondol_conv_pack(const ondol_conv_args* args, int64_t transposed, float* packed);

/* ---- resize: planes [in_rows, in_columns] to [out_rows, out_columns] --------------------------------------------
 * An output row i is made of the input rows rows[i] and rows[out_rows + i] with the weights row_weights[i] and
 * row_weights[out_rows + i], an output column likewise; see docs/arithmetic.md, Images, for the tables of the usual
 * conventions. Without weights the first ones are taken as they are, and rows and columns hold no second ones.
 * Everything is contiguous. */
typedef struct ondol_resize_args {
  int64_t planes, in_rows, in_columns, out_rows, out_columns;
  const float* x; float* y;
  const int32_t* rows; const float* row_weights;       /* [2, out_rows]; or [1, out_rows] and null */
  const int32_t* columns; const float* column_weights; /* [2, out_columns]; or [1, out_columns] and null */
} ondol_resize_args;

typedef struct ondol_resize_backward_args {
  int64_t planes, in_rows, in_columns, out_rows, out_columns;
  const float* dy; float* dx;
  const int32_t* rows; const float* row_weights;
  const int32_t* columns; const float* column_weights;
} ondol_resize_backward_args;

/* ---- batchnorm of contiguous [batch, channels, size]: y = (x - mean) / sqrt(variance + eps) * gamma + beta --------- */
typedef struct ondol_batchnorm_args {
  int64_t batch, channels, size;
  int64_t training;                        /* 1: mean and variance (biased) are computed and written; 0: read */
  const float* x; const float* gamma; const float* beta; /* gamma, beta: [channels] or null */
  float* mean; float* variance;            /* [channels] */
  float* rstd;                             /* [channels], written; or null */
  float* y;                                /* may be x */
  int64_t relu;                            /* 1: y = relu(y) */
  double eps;
} ondol_batchnorm_args;

typedef struct ondol_batchnorm_backward_args {
  int64_t batch, channels, size;
  int64_t training;                        /* 1: mean and rstd are those of x; 0: given */
  const float* x; const float* dy;
  const float* y;                          /* the result, where it ended with a relu; else null */
  const float* gamma;                      /* [channels] or null */
  const float* mean; const float* rstd;    /* [channels] */
  float* dx; float* dgamma; float* dbeta;  /* each may be null */
} ondol_batchnorm_backward_args;

/* ---- pool, unpool: see docs/arithmetic.md, Pooling --------------------------------------------------------------
 * Maps have contiguous planes; images and channels lie any strides apart. Every window must hold an element of x. */
typedef enum ondol_pool_op { ONDOL_POOL_MAX = 0, ONDOL_POOL_AVERAGE = 1 } ondol_pool_op;

typedef struct ondol_pool_args {
  int64_t op;                 /* ondol_pool_op */
  int64_t batch, channels, x_height, x_width, y_height, y_width;
  int64_t kernel_h, kernel_w; /* both 0: adaptive windows, and none of the fields up to count_pad is read */
  int64_t stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left, pad_bottom, pad_right;
  int64_t count_pad;          /* 1: averages divide by the positions within the padded map */
  const float* x; int64_t x_batch, x_channel;
  float* y; int64_t y_batch, y_channel;
  int32_t* indices;           /* contiguous, of y's shape: where in its plane a maximum is; or null */
} ondol_pool_args;

/* dx from dy. x, y and their strides in `forward` are not read; its indices are, for maxima, and an index outside its
 * window, whatever it is, counts nowhere. */
typedef struct ondol_pool_backward_args {
  ondol_pool_args forward;
  const float* dy; int64_t dy_batch, dy_channel;
  float* dx; int64_t dx_batch, dx_channel; /* overwritten */
} ondol_pool_backward_args;

/* y[indices[i]] = x[i] in each plane, zeros elsewhere. An index outside the plane of y counts nowhere. */
typedef struct ondol_unpool_args {
  int64_t batch, channels, x_plane, y_plane; /* elements of the planes, below 2^31 */
  const float* x; int64_t x_batch, x_channel;
  const int32_t* indices; /* contiguous, of x's shape */
  float* y; int64_t y_batch, y_channel;
} ondol_unpool_args;

typedef struct ondol_unpool_backward_args {
  int64_t batch, channels, x_plane, y_plane;
  const float* dy; int64_t dy_batch, dy_channel;
  const int32_t* indices;
  float* dx; int64_t dx_batch, dx_channel; /* overwritten */
} ondol_unpool_backward_args;

/* ---- regions of interest: see docs/arithmetic.md, Regions --------------------------------------------------------
 * Boxes of any values are legal: void ones give zeros. An image or level that is not there makes its box void. */
#define ONDOL_MAX_LEVELS 8 /* maps of a feature pyramid */
#define ONDOL_MAX_GRIDS 8  /* grids of bins that are pooled at once */

/* A map [batch, channels, height, width] with contiguous planes. */
typedef struct ondol_roi_map {
  const float* x; int64_t x_batch, x_channel;
  int64_t height, width;
  double scale;                    /* from the boxes' coordinates to the map's; used as float */
} ondol_roi_map;

/* Everything contiguous. */
typedef struct ondol_rois {
  int64_t count;
  const float* boxes;              /* [count, 4]: x1, y1, x2, y2 */
  const int32_t* images;           /* [count] */
  const int32_t* levels;           /* [count]; null: all of level 0 */
} ondol_rois;

/* ---- boxes: see docs/arithmetic.md, Detection ------------------------------------------------------------------------
 * iou: how much boxes a [n, 4] and b [m, 4] overlap, x1 y1 x2 y2 each, whatever they hold. Everything is contiguous. */
typedef enum ondol_iou_kind { ONDOL_IOU = 0, ONDOL_GIOU = 1, ONDOL_IOA = 2 } ondol_iou_kind;

typedef struct ondol_iou_args {
  int64_t kind;               /* ondol_iou_kind */
  int64_t pixel;              /* 1: corners are the first and the last pixel; 0: corners lie between pixels */
  int64_t paired;             /* 1: a[i] with b[i], n = m, out is [n]; 0: all pairs, out is [n, m] */
  int64_t n, m;
  const float* a; const float* b; float* out;
} ondol_iou_args;

/* The gradient of the paired form, of ONDOL_IOU or ONDOL_GIOU. */
typedef struct ondol_iou_backward_args {
  int64_t kind, pixel, n;
  const float* a; const float* b; const float* dout; /* [n, 4], [n, 4], [n] */
  float* da; float* db;                              /* [n, 4]; either may be null */
} ondol_iou_backward_args;

/* roiwarp: boxes [rois, 4] of images [batch, channels, x_height, x_width] as y [rois, channels, y_height, y_width].
 * Everything is contiguous. Boxes may hold anything; a box whose image is not there is filled. */
typedef enum ondol_roiwarp_mode { ONDOL_ROIWARP = 0, ONDOL_ROIWARP_SQUARE = 1, ONDOL_ROIWARP_ALONE = 2 } ondol_roiwarp_mode;

typedef struct ondol_roiwarp_args {
  int64_t mode;               /* ondol_roiwarp_mode: each axis alone; one scale for both; the same without the surroundings */
  int64_t pixel;              /* as iou's */
  int64_t context;            /* cells of y around the box, on each side: less than half of either size */
  int64_t rois, batch, channels, x_height, x_width, y_height, y_width;
  const float* boxes; const int32_t* images;
  const float* fill;          /* [channels], what stands outside the image; null: zeros */
  const float* x; float* y;
} ondol_roiwarp_args;

/* dx from dy. x, y and fill in `forward` are not read. */
typedef struct ondol_roiwarp_backward_args {
  ondol_roiwarp_args forward;
  const float* dy; float* dx; /* overwritten */
} ondol_roiwarp_backward_args;

/* ---- topk: the first k of each row in the order of docs/arithmetic.md, Selection -------------------------------- */
typedef struct ondol_topk_args {
  int64_t rows, n, k;             /* 0 <= k <= n < 2^31 */
  const float* x; int64_t x_row;
  int64_t largest;                /* 1: the greatest first; 0: the least */
  float* values; int32_t* indices; /* contiguous [rows, k] */
} ondol_topk_args;

/* ---- nms: see docs/arithmetic.md, Boxes --------------------------------------------------------------------------
 * A group is a class of an image with the candidates 0 .. boxes_count - 1 or, agnostic, an image with the candidates
 * class * boxes_count + box. */
typedef enum ondol_box_format {
  ONDOL_BOX_CORNERS = 0, ONDOL_BOX_ANY_CORNERS = 1, ONDOL_BOX_CENTER = 2
} ondol_box_format;
typedef enum ondol_nms_method { ONDOL_NMS_HARD = 0, ONDOL_NMS_LINEAR = 1, ONDOL_NMS_GAUSSIAN = 2 } ondol_nms_method;

typedef struct ondol_nms_args {
  int64_t batch, classes, boxes_count;                               /* less than 2^31 candidates in a group */
  const float* boxes; int64_t boxes_batch, boxes_box, boxes_class;   /* four numbers each; boxes_class 0: shared */
  const float* scores; int64_t scores_batch, scores_class;
  int64_t format;                  /* ondol_box_format */
  int64_t method;                  /* ondol_nms_method */
  int64_t offset;                  /* 0 or 1: added to the difference of two coordinates to make a length */
  int64_t inclusive;               /* 1: an IoU that equals the threshold suppresses */
  int64_t agnostic;
  int64_t background;              /* a class that is left out, or -1 */
  int64_t image_limit;             /* selected at most in an image, or -1 */
  int64_t width;                   /* selected at most in a group; not above image_limit where there is one */
  double iou_threshold;            /* not negative; this and all below are used as float */
  double score_threshold;          /* -infinity: none; soft methods want 0 or more */
  double sigma, soft_threshold;    /* soft_threshold: not negative */
  int32_t* indices;                /* contiguous [batch, groups, width]: the selected candidates, then -1 */
  float* selected;                 /* of the same shape: their scores, then 0 */
  int32_t* counts;                 /* contiguous [batch, groups] */
} ondol_nms_args;

/* ---- roialign: bins of interpolated samples, see docs/arithmetic.md, Regions ------------------------------------- */
typedef enum ondol_roialign_op {
  ONDOL_ROIALIGN_AVERAGE = 0,
  ONDOL_ROIALIGN_MAX = 1,          /* of the interpolated samples */
  ONDOL_ROIALIGN_CORNERS = 2       /* of the weighted corners of the samples: ONNX's max */
} ondol_roialign_op;

#define ONDOL_ROIALIGN_MAX_SAMPLES 16384 /* of a bin along an axis, where their number is given */
#define ONDOL_ROIALIGN_MAX_BINS 1048576  /* along an axis */

typedef struct ondol_roialign_args {
  int64_t op;                      /* ondol_roialign_op */
  int64_t aligned;                 /* 1: corners of boxes are less half an element */
  int64_t sampling_h, sampling_w;  /* samples of a bin along an axis; 0: adaptive */
  int64_t position_sensitive;      /* 1: bin (i, j) of channel c reads channel (c * rows + i) * columns + j */
  int64_t batch, channels, levels; /* of the maps */
  ondol_roi_map maps[ONDOL_MAX_LEVELS];
  ondol_rois rois;
  int64_t rows, columns;           /* bins */
  float* y;                        /* [count, channels, rows, columns], channels / (rows * columns) if position-sensitive */
  int32_t* indices;                /* of y's shape, of a maximum; or null */
} ondol_roialign_args;

typedef struct ondol_roialign_backward_args {
  ondol_roialign_args forward;     /* not read: the maps' x, y. Of a maximum the indices are needed */
  const float* dy;                 /* of y's shape */
  float* dx[ONDOL_MAX_LEVELS];     /* [batch, channels, height, width] of each level, overwritten */
} ondol_roialign_backward_args;

/* ---- roipool: the greatest element or the average of each bin of each region ------------------------------------- */
typedef enum ondol_roipool_op { ONDOL_ROIPOOL_MAX = 0, ONDOL_ROIPOOL_AVERAGE = 1 } ondol_roipool_op;
typedef enum ondol_roi_rounding {
  ONDOL_ROI_ROUND = 0, ONDOL_ROI_SPP = 1, ONDOL_ROI_RFCN = 2, ONDOL_ROI_GRID = 3
} ondol_roi_rounding;

typedef struct ondol_roipool_args {
  int64_t op;                      /* ondol_roipool_op */
  int64_t rounding;                /* ondol_roi_rounding */
  int64_t batch, channels, levels; /* of the maps */
  ondol_roi_map map[ONDOL_MAX_LEVELS];
  ondol_rois rois;
  int64_t position_sensitive;      /* 1: one grid, and channels are C rows[0] columns[0]; else channels are C */
  int64_t grids, rows[ONDOL_MAX_GRIDS], columns[ONDOL_MAX_GRIDS]; /* bins, 1 to 65536 each way */
  float* y;                        /* contiguous [rois.count, sum of C rows columns], grid after grid */
  int32_t* indices;                /* like y: where in its plane a maximum is, -1 for none; or null */
} ondol_roipool_args;

/* dx from dy. x and y in `forward` are not read; its indices are, for maxima, and an index outside its bin, whatever it
 * is, counts nowhere. */
typedef struct ondol_roipool_backward_args {
  ondol_roipool_args forward;
  const float* dy;                 /* as y */
  float* dx[ONDOL_MAX_LEVELS];     /* each contiguous [batch, channels, height, width], overwritten */
} ondol_roipool_backward_args;

/* ---- nade: y[n,d,o] = bias[d,o] + sum_h V[d,o,h] act(scale[d] a[h]), a = start + sum over k < d of x[n,k] W[k] -----------
 * Everything is contiguous; see docs/arithmetic.md. With uniform numbers x is drawn, of variables with one output:
 * x is then null and `sample` receives it. */
typedef struct ondol_nade_args {
  int64_t rows, variables, outputs, hidden;
  int64_t activation;                      /* ONDOL_SIGMOID or ONDOL_RELU */
  const float* x;                          /* [rows, variables] */
  const float* w;                          /* [variables, hidden] */
  const float* v;                          /* [variables, outputs, hidden]; null where outputs = 0: the state alone */
  const float* bias;                       /* [variables, outputs], or null */
  const float* scale;                      /* [variables], or null */
  const float* start; int64_t start_row;   /* [hidden] and 0, or [rows, hidden] and hidden */
  float* y;                                /* [rows, variables, outputs] */
  float* state;                            /* [rows, hidden]: a at the end; or null */
  const float* uniform;                    /* [rows, variables], or null */
  const uint8_t* known; const float* given; /* [rows, variables]: where known is not 0, x is given's; or both null */
  float* sample;                           /* [rows, variables]; null exactly where uniform is */
} ondol_nade_args;

/* y, state, bias and what belongs to sampling are not read; x must be given. */
typedef struct ondol_nade_backward_args {
  ondol_nade_args forward;
  const float* dy;
  const float* dstate;                     /* [rows, hidden], or null for 0 */
  float* dx;                               /* [rows, variables] */
  float* dscale;                           /* [rows, variables]: the scale's gradient, row by row */
  float* dw; float* dv;
  float* dstart;                           /* of start's shape; each of these may be null */
} ondol_nade_backward_args;
/* ---- lstm: steps of an LSTM whose state is a row of positions (one position: the ordinary one) ----------------------
 * Gates lie in the order i, f, g, o. Position r of a step reads the state before it at r - before to r - before + taps - 1,
 * +0 outside the row; strides count floats, and the last dimension of every tensor is dense. h overlaps no input, c none
 * but c0, which it may be; without steps nothing is written. See docs/arithmetic.md, Recurrence. */
typedef struct ondol_lstm_args {
  int64_t steps, sequences, positions, hidden, taps; /* hidden and taps at least 1 */
  int64_t before;                                    /* 0 to taps - 1 */
  int64_t reverse;                                   /* 1: from the last step to the first */
  int64_t halo;                                      /* 1: one step, h0 has taps - 1 more positions, r reads those from r */
  const float* x; int64_t x_stride[3];               /* [steps, sequences, positions, 4 hidden] */
  const float* weight; const float* bias;            /* contiguous [taps, hidden, 4 hidden]; [4 hidden] or null */
  const float* h0; int64_t h0_stride[2];             /* [sequences, positions, hidden], or null for zeros */
  const float* c0; int64_t c0_stride[2];             /* likewise */
  float* h; int64_t h_stride[3];                     /* [steps, sequences, positions, hidden] */
  float* c; int64_t c_stride[2];                     /* the last cells [sequences, positions, hidden], or null */
  float* gates; float* cells;                        /* contiguous, of all steps, for the gradient; or both null */
} ondol_lstm_args;

/* All tensors are contiguous. */
typedef struct ondol_lstm_backward_args {
  int64_t steps, sequences, positions, hidden, taps, before, reverse;
  const float* weight; const float* gates; const float* cells;
  const float* c0;                                   /* or null for zeros */
  const float* dh; const float* dc;                  /* of all steps; of the last cells, or null for zeros */
  float* dx; float* dh0; float* dc0;                 /* the last two may be null */
} ondol_lstm_backward_args;

#define ONDOL_DECLARE(stem)                                                                               \
  ONDOL_API int64_t ondol_##stem(const ondol_##stem##_args* args, ondol_error* error);                    \
  ONDOL_API int64_t ondol_##stem##_plan(const ondol_##stem##_args* args, ondol_plan* plan);               \
  ONDOL_API void ondol_##stem##_run(const ondol_##stem##_args* args, const ondol_plan* plan, int64_t phase, \
                                    int64_t begin, int64_t end, int64_t thread, void* workspace, void* scratch);

ONDOL_DECLARE(gemm)
ONDOL_DECLARE(attention)
ONDOL_DECLARE(attention_backward)
ONDOL_DECLARE(softmax)
ONDOL_DECLARE(softmax_backward)
ONDOL_DECLARE(layernorm)
ONDOL_DECLARE(layernorm_backward)
ONDOL_DECLARE(elementwise)
ONDOL_DECLARE(cast)
ONDOL_DECLARE(reduce)
ONDOL_DECLARE(embedding)
ONDOL_DECLARE(embedding_backward)
ONDOL_DECLARE(conv)
ONDOL_DECLARE(convweight)
ONDOL_DECLARE(deconv)
ONDOL_DECLARE(winograd)
ONDOL_DECLARE(resize)
ONDOL_DECLARE(resize_backward)
ONDOL_DECLARE(batchnorm)
ONDOL_DECLARE(batchnorm_backward)
ONDOL_DECLARE(pool)
ONDOL_DECLARE(pool_backward)
ONDOL_DECLARE(unpool)
ONDOL_DECLARE(unpool_backward)
ONDOL_DECLARE(iou)
ONDOL_DECLARE(iou_backward)
ONDOL_DECLARE(roiwarp)
ONDOL_DECLARE(roiwarp_backward)
ONDOL_DECLARE(topk)
ONDOL_DECLARE(nms)
ONDOL_DECLARE(roialign)
ONDOL_DECLARE(roialign_backward)
ONDOL_DECLARE(roipool)
ONDOL_DECLARE(roipool_backward)
ONDOL_DECLARE(nade)
ONDOL_DECLARE(nade_backward)
ONDOL_DECLARE(lstm)
ONDOL_DECLARE(lstm_backward)

/* Variants of a stem ("attention", "gemm", ...), best first. name: null past the end. available: 1, or 0 with the reason
 * (instruction set missing in the CPU or not enabled by the operating system) in `why`. */
ONDOL_API const char* ondol_variant_name(const char* stem, int64_t index);
ONDOL_API int64_t ondol_variant_available(const char* stem, int64_t index, const char** why);

/* Threads of the library's own pool, for callers without one. Default: the number of processors. */
ONDOL_API void ondol_set_threads(int64_t threads);
ONDOL_API int64_t ondol_threads(void);

ONDOL_API const char* ondol_version(void);
/* Words of the named args struct ("gemm", "attention_backward", ...), -1 if unknown: lets a binding check its layout. */
ONDOL_API int64_t ondol_args_words(const char* name);

#ifdef __cplusplus
}
#endif
#endif
