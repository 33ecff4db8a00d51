package org.ondol.cuda;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;

/**
 * Pieces of memory that the driver gave, cut into blocks as they are asked for: the smallest free block that is large enough
 * is split, and a block that is freed joins its free neighbours. Small blocks come from pieces of their own, so that they do
 * not keep large pieces from being given back. Not for several threads at once.
 */
final class Heap {
  static final long GRAIN = 512;
  /** Blocks below this share pieces of {@link #PIECE}. */
  static final long SMALL = 1 << 20;
  static final long PIECE = 4 << 20;
  /** Larger pieces are multiples of this, so that they serve different sizes. */
  private static final long STEP = 2 << 20;

  private final TreeSet<Block> small = new TreeSet<>(Block.BY_SIZE);
  private final TreeSet<Block> large = new TreeSet<>(Block.BY_SIZE);
  private final List<Piece> pieces = new ArrayList<>();

  /** What one call of the driver gave. */
  static final class Piece {
    final long address;
    final long bytes;
    final boolean small;
    Heap heap;
    Block first;

    private Piece(long address, long bytes, boolean small) {
      this.address = address;
      this.bytes = bytes;
      this.small = small;
    }

    /** The block that an address lies in. */
    Block block(long at) {
      Block block = first;
      while (at >= block.address + block.bytes) block = block.after;
      return block;
    }
  }

  /** A part of a piece. */
  static final class Block {
    static final Comparator<Block> BY_SIZE = Comparator.<Block>comparingLong(b -> b.bytes).thenComparingLong(b -> b.address);

    final Piece piece;
    long address;
    long bytes;
    boolean free;
    /** Recordings whose work uses it. */
    int holds;
    /** Whether its tensor is closed and only recordings keep it. */
    boolean left;
    private Block before;
    private Block after;

    private Block(Piece piece, long address, long bytes) {
      this.piece = piece;
      this.address = address;
      this.bytes = bytes;
    }
  }

  /** What a request takes. */
  static long rounded(long bytes) {
    return bytes > Long.MAX_VALUE - GRAIN ? Long.MAX_VALUE : Math.max(GRAIN, (bytes + GRAIN - 1) / GRAIN * GRAIN);
  }

  /** What to ask the driver for when no free block is large enough. */
  static long pieceFor(long size) {
    if (size < SMALL) return PIECE;
    return size > Long.MAX_VALUE - STEP ? size : (size + STEP - 1) / STEP * STEP;
  }

  /** A block of a rounded size out of what is free, or null. */
  Block take(long size) {
    TreeSet<Block> free = size < SMALL ? small : large;
    Block block = free.ceiling(new Block(null, Long.MIN_VALUE, size));
    if (block == null) return null;
    free.remove(block);
    block.free = false;
    split(block, size, free);
    return block;
  }

  /** Puts what a block has beyond a size back; of a large one only what would serve a large one. */
  private void split(Block block, long size, TreeSet<Block> free) {
    long rest = block.bytes - size;
    if (rest < (block.piece.small ? GRAIN : SMALL)) return;
    Block tail = new Block(block.piece, block.address + size, rest);
    tail.before = block;
    tail.after = block.after;
    if (tail.after != null) tail.after.before = tail;
    block.after = tail;
    block.bytes = size;
    tail.free = true;
    free.add(tail);
  }

  /** A new piece, all of it free. */
  Piece add(long address, long bytes, boolean small) {
    Piece piece = new Piece(address, bytes, small);
    piece.heap = this;
    piece.first = new Block(piece, address, bytes);
    piece.first.free = true;
    pieces.add(piece);
    free(piece).add(piece.first);
    return piece;
  }

  private TreeSet<Block> free(Piece piece) {
    return piece.small ? small : large;
  }

  /** Frees a block of this heap. */
  void give(Block block) {
    TreeSet<Block> free = free(block.piece);
    block.free = true;
    block.left = false;
    if (block.after != null && block.after.free) {
      free.remove(block.after);
      join(block, block.after);
    }
    if (block.before != null && block.before.free) {
      Block before = block.before;
      free.remove(before);
      join(before, block);
      block = before;
    }
    free.add(block);
  }

  private static void join(Block block, Block after) {
    block.bytes += after.bytes;
    block.after = after.after;
    if (block.after != null) block.after.before = block;
  }

  /** Pieces none of whose blocks is in use, the largest first; {@link #remove} takes them out. */
  List<Piece> unused() {
    List<Piece> all = new ArrayList<>();
    for (Piece piece : pieces) if (piece.first.free && piece.first.after == null) all.add(piece);
    all.sort(Comparator.comparingLong((Piece p) -> p.bytes).reversed());
    return all;
  }

  void remove(Piece piece) {
    free(piece).remove(piece.first);
    pieces.remove(piece);
  }

  /** The largest free block. */
  long largest() {
    return Math.max(small.isEmpty() ? 0 : small.last().bytes, large.isEmpty() ? 0 : large.last().bytes);
  }

  /** Hands everything over to another heap. */
  void moveTo(Heap other) {
    for (Piece piece : pieces) piece.heap = other;
    other.pieces.addAll(pieces);
    other.small.addAll(small);
    other.large.addAll(large);
    pieces.clear();
    small.clear();
    large.clear();
  }
}
