package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Precision;

/**
 * C[b,i,j] = act(alpha Σ_k A[b,i,k] B[b,k,j] + bias[j]) + residual[b,i,j].
 *
 * <p>All of a, b, c and residual have the rank of c (2 to 6) with equal or broadcast (stride 0) batch dimensions; a is
 * [.., m, k] and b [.., k, n] with any strides; c and residual have unit last stride.
 *
 * <p>a, b, c and residual are of the precision's type, bias and packed FLOAT32; packed goes with EXACT only.
 *
 * @param b null where packed is given
 * @param packed [ceil(n/16), k, 16], contiguous: panel p, row r, lane l holds B[r, 16 p + l], zero beyond n; or null
 * @param bias [n], contiguous; or null
 * @param residual null, or a tensor of c's shape, possibly c itself
 */
public record GemmArgs(long m, long n, long k, Tensor a, Tensor b, Tensor packed, Tensor c, Tensor bias, Tensor residual,
    Activation activation, float alpha, Precision precision) {}
