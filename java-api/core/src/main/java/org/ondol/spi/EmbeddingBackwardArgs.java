package org.ondol.spi;

import org.ondol.Tensor;

/** dtable[v,:] = Σ over ascending i with ids[i] = v of dout[i,:]; rows without an id get 0. All contiguous. */
public record EmbeddingBackwardArgs(long count, long vocabulary, long width, Tensor dout, Tensor ids, Tensor dtable) {}
