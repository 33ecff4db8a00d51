package org.ondol.ops;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;

/**
 * Keys and values of a batch of sequences that are decoded in step. Appending writes in place; when the capacity is used
 * up it doubles, so that n steps copy O(n) positions in all. Not for use by several threads at once.
 */
public final class KvCache implements AutoCloseable {
  private final Device device;
  private final long batch;
  private final long heads;
  private Tensor keys;
  private Tensor values;
  private long length;

  /**
   * An empty cache.
   *
   * @param capacity positions to make room for at first, at least 1
   */
  public KvCache(Device device, long batch, long kvHeads, long headDim, long valueDim, long capacity) {
    Check.present("device", device);
    if (capacity < 1) throw new InvalidArgumentException("capacity", capacity, "at least 1");
    if (batch < 0) throw new InvalidArgumentException("batch", batch, "at least 0");
    if (kvHeads < 1) throw new InvalidArgumentException("kvHeads", kvHeads, "at least 1");
    if (headDim < 1) throw new InvalidArgumentException("headDim", headDim, "at least 1");
    if (valueDim < 1) throw new InvalidArgumentException("valueDim", valueDim, "at least 1");
    this.device = device;
    this.batch = batch;
    this.heads = kvHeads;
    Tensor[] stores = Outputs.pair(device, new long[] {batch, kvHeads, capacity, headDim},
        new long[] {batch, kvHeads, capacity, valueDim});
    this.keys = stores[0];
    this.values = stores[1];
  }

  /** Positions held. */
  public long length() {
    return length;
  }

  /** Positions there is room for without copying. */
  public long capacity() {
    return keys.size(2);
  }

  /**
   * Appends n positions to every sequence.
   *
   * @param k [B,Hkv,n,D]
   * @param v [B,Hkv,n,Dv]
   */
  public void append(Tensor k, Tensor v) {
    Check.floats("k", k, device);
    Check.floats("v", v, device);
    Check.rank("k", k, 4, 4);
    long n = k.size(2);
    Check.shape("k", k, batch, heads, n, keys.size(3));
    Check.shape("v", v, batch, heads, n, values.size(3));
    if (length + n > capacity()) grow(Math.max(length + n, 2 * capacity()));
    write(keys, k, n);
    write(values, v, n);
    length += n;
  }

  private void write(Tensor store, Tensor added, long n) {
    try (Tensor place = store.slice(2, length, length + n)) {
      place.assign(added);
    }
  }

  private void grow(long capacity) {
    Tensor newKeys = grown(keys, capacity);
    try {
      values = replace(values, grown(values, capacity));
    } catch (RuntimeException e) {
      newKeys.close();
      throw e;
    }
    keys = replace(keys, newKeys);
  }

  private Tensor grown(Tensor old, long capacity) {
    Tensor larger = Scope.detach(Tensor.empty(device, batch, heads, capacity, old.size(3)));
    try (Tensor from = old.slice(2, 0, length); Tensor to = larger.slice(2, 0, length)) {
      to.assign(from);
      return larger;
    } catch (RuntimeException e) {
      larger.close();
      throw e;
    }
  }

  private static Tensor replace(Tensor old, Tensor larger) {
    old.close();
    return larger;
  }

  /** The keys so far, [B,Hkv,length,D], as a view. */
  public Tensor keys() {
    return keys.slice(2, 0, length);
  }

  /** The values so far, [B,Hkv,length,Dv], as a view. */
  public Tensor values() {
    return values.slice(2, 0, length);
  }

  /** Forgets positions from {@code length} on; the room stays. */
  public void truncate(long length) {
    if (length < 0 || length > this.length) throw new InvalidArgumentException("length", length, "0 to " + this.length);
    this.length = length;
  }

  /** Attention of q [B,H,Lq,D] over the cache. */
  public Tensor attend(Tensor q, Attention.Options options) {
    try (Tensor k = keys(); Tensor v = values()) {
      return Attention.apply(q, k, v, options);
    }
  }

  @Override
  public void close() {
    keys.close();
    values.close();
  }
}
