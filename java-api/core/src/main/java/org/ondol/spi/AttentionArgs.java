package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Precision;

/**
 * Arguments of attention, see {@link org.ondol.ops.Attention}. Integer arrays are private copies: no other thread can
 * change them after they were checked.
 *
 * @param q [B,H,Lq,D], or [1,H,total,D] for packed sequences; unit last stride, as all float operands
 * @param k [B,Hkv,Lk,D], [1,Hkv,total,D] packed, or [pages,Hkv,pageSize,D] paged
 * @param out [B,H,Lq,Dv], or packed like q
 * @param lse [B,H,Lq], or [1,H,total]; null when not wanted
 * @param mask UINT8 of rank 4, expanded to [B,H,Lq,Lk] (stride 0 broadcasts), any strides; or null
 * @param bias FLOAT32, likewise
 * @param alibi [H], contiguous; or null
 * @param batch the number of items, also where sequences are packed
 * @param qLength the rows of an item; the longest where packed
 * @param kvLength the keys of an item; the longest where packed; pagesPerItem * pageSize where paged
 * @param kvLengths keys in use per item, or null
 * @param qOffsets first row of each item and the end, or null
 * @param pages per item, page numbers in order, [batch * pagesPerItem]; -1 where unused; or null
 * @param windowLeft keys visible to the left of the diagonal, -1 for all
 * @param softcap 0 for none
 * @param precision q, k, v and out, and their gradients, are of its type; lse, bias and alibi FLOAT32
 */
public record AttentionArgs(Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse, Tensor mask, Tensor bias, Tensor alibi,
    long batch, long heads, long kvHeads, long qLength, long kvLength, long headDim, long valueDim, long[] kvLengths,
    long[] qOffsets, long[] kvOffsets, long[] pages, long pagesPerItem, long pageSize, boolean bottomRight, long windowLeft,
    long windowRight, double scale, double softcap, double dropout, long seed, Precision precision) {}
