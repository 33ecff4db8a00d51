package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Tiles.PANEL;
import static org.ondol.vector.WinogradLoops.POINTS;
import static org.ondol.vector.WinogradLoops.TILE;

import java.util.ArrayList;
import java.util.List;
import org.ondol.spi.ConvShape;

/**
 * What a winograd call is cut into. Units are rows of tiles of all images, or parts of very wide ones; a block is some
 * units.
 *
 * <p>Measured on Zen 5, two threads, 64-64 56 x 56 and 8 images 256-256 14 x 14. With a row of tiles as a task and its
 * transforms in scalar code: 2.21 and 9.30 ms; now 0.46 and 4.02. Inputs and sums of up to 320 K floats: 0.65; of 64
 * K, in four blocks a thread: 0.51 and 4.16. One block a thread instead of two: 4.29; with inputs of up to 1024 K:
 * 6.18.
 *
 * @param parts of a row of tiles
 * @param groups of panels of output channels: each block is computed by so many tasks, which share nothing
 */
record WinogradPlan(int tilesH, int tilesW, int parts, long units, long blocks, int groups) {
  /** Floats of filters that stay in a second-level cache of 1 MB beside a block. */
  private static final long FILTERS = 160 << 10;
  /** Floats of inputs and sums of a block whose filters do. */
  private static final long NEAR = 144 << 10;
  /** Floats of inputs of a block that reads its filters once, from further away. */
  private static final long FAR = 512 << 10;
  /** Tiles of a block, however much memory they take: as many as {@link ConvTiles#channels} takes at once. */
  private static final long FEWEST = 12;

  /** Some tiles of some rows of one image, the first of which is tile {@code at} of its block. */
  record Piece(long image, int row, int rows, int first, int tiles, int at) {
    int end() {
      return at + rows * tiles;
    }
  }

  static WinogradPlan of(ConvShape s, int threads) {
    int tilesH = Math.toIntExact(ceilDiv(s.yHeight(), TILE));
    int tilesW = Math.toIntExact(ceilDiv(s.yWidth(), TILE));
    long panels = ceilDiv(s.yChannels(), PANEL);
    boolean near = POINTS * s.xChannels() * panels * PANEL <= FILTERS;
    long most = Math.max(FEWEST, near ? NEAR / (POINTS * (s.xChannels() + 2 * PANEL)) : FAR / (POINTS * s.xChannels()));
    int parts = (int) ceilDiv(tilesW, most);
    long units = s.batch() * tilesH * parts;
    long blocks = ceilDiv(units, Math.max(1, most / ceilDiv(tilesW, parts)));
    int groups = 1;
    if (threads > 1) {
      blocks = Math.min(units, ceilDiv(Math.max(blocks, 2L * threads), threads) * threads);
      groups = (int) Math.clamp(2L * threads / blocks, 1, Math.max(1, panels / 2));
    }
    return new WinogradPlan(tilesH, tilesW, parts, units, blocks, groups);
  }

  List<Piece> pieces(long block) {
    List<Piece> pieces = new ArrayList<>();
    long end = units * (block + 1) / blocks;
    int at = 0;
    int rows;
    for (long unit = units * block / blocks; unit < end; unit += rows) {
      int row = (int) (unit / parts % tilesH);
      rows = parts > 1 ? 1 : (int) Math.min(end - unit, tilesH - row);
      int part = (int) (unit % parts);
      int first = (int) ((long) tilesW * part / parts);
      int tiles = (int) ((long) tilesW * (part + 1) / parts) - first;
      Piece piece = new Piece(unit / parts / tilesH, row, rows, first, tiles, at);
      pieces.add(piece);
      at = piece.end();
    }
    return pieces;
  }
}
