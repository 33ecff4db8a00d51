package org.ondol.spi;

import org.ondol.Tensor;

/**
 * out[i,:] = table[ids[i],:] for contiguous ids (INT32 or INT64) of count elements; table [vocabulary, width] and out
 * [count, width] are contiguous. An id outside the vocabulary, possible only if another thread changes ids during the
 * call, must not be followed: it writes zeros.
 */
public record EmbeddingArgs(long count, long vocabulary, long width, Tensor table, Tensor ids, Tensor out) {}
