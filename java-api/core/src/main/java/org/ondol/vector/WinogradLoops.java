package org.ondol.vector;

/**
 * The transforms of docs/arithmetic.md, Winograd, in arrays. The 6 x 6 inputs of a tile lie in a grid of 16 parts, by
 * row and column modulo 4: neighbouring tiles are neighbours in each part, and the last two rows and columns are the
 * next tile's first.
 */
interface WinogradLoops {
  int TILE = 4;
  int SIDE = 6;
  int POINTS = SIDE * SIDE;

  /** Floats that are read or written behind what is asked for. */
  int SLACK = 16;

  /** Floats of the memory that a transform needs. */
  int HALF = POINTS * 16;

  /** to[at + j * part + i] = from[fromAt + 4 i + j] for j below 4 and i below n. */
  void deal(float[] from, int fromAt, int n, float[] to, int at, int part);

  /**
   * The transformed inputs of n neighbouring tiles of a channel, value p of tile i at {@code to[toAt + p * point + i]}.
   *
   * @param x the grid, from part (0, 0) of the first tile on: parts lie {@code part} apart, their rows {@code pitch}
   */
  void input(float[] x, int at, int part, int pitch, int n, float[] to, int toAt, int point, float[] half);

  /**
   * Outputs of n neighbouring tiles and 16 channels, from the last tile to the first, so that columns which pass the
   * end of a line are written over by the next one's: row i and column j of the tiles at {@code y[yAt + (i * width +
   * j) * 16]}.
   *
   * @param products value p of tile i at {@code at + p * point + 16 i}
   */
  void output(float[] products, int at, int point, int n, float[] y, int yAt, int width, float[] half);
}
