package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static org.ondol.vector.VectorConvTiles.LANES;
import static org.ondol.vector.VectorConvTiles.SPECIES;

import jdk.incubator.vector.FloatVector;

/**
 * Sums of {@link ConvTiles#plane}. Vectors are computed and stored whole: what one writes behind its row, the next row overwrites.
 */
final class VectorPlaneTiles {

  private VectorPlaneTiles() {}

  static void kernel3stride1(int rows, int width, float[] x, int part, float[] w, float[] y) {
    FloatVector w0 = broadcast(SPECIES, w[0]);
    FloatVector w1 = broadcast(SPECIES, w[1]);
    FloatVector w2 = broadcast(SPECIES, w[2]);
    FloatVector w3 = broadcast(SPECIES, w[3]);
    FloatVector w4 = broadcast(SPECIES, w[4]);
    FloatVector w5 = broadcast(SPECIES, w[5]);
    FloatVector w6 = broadcast(SPECIES, w[6]);
    FloatVector w7 = broadcast(SPECIES, w[7]);
    FloatVector w8 = broadcast(SPECIES, w[8]);
    for (int r = 0; r < rows; r++) {
      int r0 = r * part;
      int r1 = r0 + part;
      int r2 = r1 + part;
      for (int j = 0, out = r * width; j < width; j += LANES) {
        FloatVector sum = FloatVector.zero(SPECIES);
        sum = fromArray(SPECIES, x, r0 + j).fma(w0, sum);
        sum = fromArray(SPECIES, x, r0 + j + 1).fma(w1, sum);
        sum = fromArray(SPECIES, x, r0 + j + 2).fma(w2, sum);
        sum = fromArray(SPECIES, x, r1 + j).fma(w3, sum);
        sum = fromArray(SPECIES, x, r1 + j + 1).fma(w4, sum);
        sum = fromArray(SPECIES, x, r1 + j + 2).fma(w5, sum);
        sum = fromArray(SPECIES, x, r2 + j).fma(w6, sum);
        sum = fromArray(SPECIES, x, r2 + j + 1).fma(w7, sum);
        sum = fromArray(SPECIES, x, r2 + j + 2).fma(w8, sum);
        sum.intoArray(y, out + j);
      }
    }
  }

  static void kernel3stride2(int rows, int width, float[] x, int part, float[] w, float[] y) {
    FloatVector w0 = broadcast(SPECIES, w[0]);
    FloatVector w1 = broadcast(SPECIES, w[1]);
    FloatVector w2 = broadcast(SPECIES, w[2]);
    FloatVector w3 = broadcast(SPECIES, w[3]);
    FloatVector w4 = broadcast(SPECIES, w[4]);
    FloatVector w5 = broadcast(SPECIES, w[5]);
    FloatVector w6 = broadcast(SPECIES, w[6]);
    FloatVector w7 = broadcast(SPECIES, w[7]);
    FloatVector w8 = broadcast(SPECIES, w[8]);
    for (int r = 0; r < rows; r++) {
      int r0 = 4 * r * part;
      int s0 = r0 + part;
      int r1 = r0 + 2 * part;
      int s1 = r1 + part;
      int r2 = r1 + 2 * part;
      int s2 = r2 + part;
      for (int j = 0, out = r * width; j < width; j += LANES) {
        FloatVector sum = FloatVector.zero(SPECIES);
        sum = fromArray(SPECIES, x, r0 + j).fma(w0, sum);
        sum = fromArray(SPECIES, x, s0 + j).fma(w1, sum);
        sum = fromArray(SPECIES, x, r0 + j + 1).fma(w2, sum);
        sum = fromArray(SPECIES, x, r1 + j).fma(w3, sum);
        sum = fromArray(SPECIES, x, s1 + j).fma(w4, sum);
        sum = fromArray(SPECIES, x, r1 + j + 1).fma(w5, sum);
        sum = fromArray(SPECIES, x, r2 + j).fma(w6, sum);
        sum = fromArray(SPECIES, x, s2 + j).fma(w7, sum);
        sum = fromArray(SPECIES, x, r2 + j + 1).fma(w8, sum);
        sum.intoArray(y, out + j);
      }
    }
  }

  static void kernel5stride1(int rows, int width, float[] x, int part, float[] w, float[] y) {
    FloatVector w0 = broadcast(SPECIES, w[0]);
    FloatVector w1 = broadcast(SPECIES, w[1]);
    FloatVector w2 = broadcast(SPECIES, w[2]);
    FloatVector w3 = broadcast(SPECIES, w[3]);
    FloatVector w4 = broadcast(SPECIES, w[4]);
    FloatVector w5 = broadcast(SPECIES, w[5]);
    FloatVector w6 = broadcast(SPECIES, w[6]);
    FloatVector w7 = broadcast(SPECIES, w[7]);
    FloatVector w8 = broadcast(SPECIES, w[8]);
    FloatVector w9 = broadcast(SPECIES, w[9]);
    FloatVector w10 = broadcast(SPECIES, w[10]);
    FloatVector w11 = broadcast(SPECIES, w[11]);
    FloatVector w12 = broadcast(SPECIES, w[12]);
    FloatVector w13 = broadcast(SPECIES, w[13]);
    FloatVector w14 = broadcast(SPECIES, w[14]);
    FloatVector w15 = broadcast(SPECIES, w[15]);
    FloatVector w16 = broadcast(SPECIES, w[16]);
    FloatVector w17 = broadcast(SPECIES, w[17]);
    FloatVector w18 = broadcast(SPECIES, w[18]);
    FloatVector w19 = broadcast(SPECIES, w[19]);
    FloatVector w20 = broadcast(SPECIES, w[20]);
    FloatVector w21 = broadcast(SPECIES, w[21]);
    FloatVector w22 = broadcast(SPECIES, w[22]);
    FloatVector w23 = broadcast(SPECIES, w[23]);
    FloatVector w24 = broadcast(SPECIES, w[24]);
    for (int r = 0; r < rows; r++) {
      int r0 = r * part;
      int r1 = r0 + part;
      int r2 = r1 + part;
      int r3 = r2 + part;
      int r4 = r3 + part;
      for (int j = 0, out = r * width; j < width; j += LANES) {
        FloatVector sum = FloatVector.zero(SPECIES);
        sum = fromArray(SPECIES, x, r0 + j).fma(w0, sum);
        sum = fromArray(SPECIES, x, r0 + j + 1).fma(w1, sum);
        sum = fromArray(SPECIES, x, r0 + j + 2).fma(w2, sum);
        sum = fromArray(SPECIES, x, r0 + j + 3).fma(w3, sum);
        sum = fromArray(SPECIES, x, r0 + j + 4).fma(w4, sum);
        sum = fromArray(SPECIES, x, r1 + j).fma(w5, sum);
        sum = fromArray(SPECIES, x, r1 + j + 1).fma(w6, sum);
        sum = fromArray(SPECIES, x, r1 + j + 2).fma(w7, sum);
        sum = fromArray(SPECIES, x, r1 + j + 3).fma(w8, sum);
        sum = fromArray(SPECIES, x, r1 + j + 4).fma(w9, sum);
        sum = fromArray(SPECIES, x, r2 + j).fma(w10, sum);
        sum = fromArray(SPECIES, x, r2 + j + 1).fma(w11, sum);
        sum = fromArray(SPECIES, x, r2 + j + 2).fma(w12, sum);
        sum = fromArray(SPECIES, x, r2 + j + 3).fma(w13, sum);
        sum = fromArray(SPECIES, x, r2 + j + 4).fma(w14, sum);
        sum = fromArray(SPECIES, x, r3 + j).fma(w15, sum);
        sum = fromArray(SPECIES, x, r3 + j + 1).fma(w16, sum);
        sum = fromArray(SPECIES, x, r3 + j + 2).fma(w17, sum);
        sum = fromArray(SPECIES, x, r3 + j + 3).fma(w18, sum);
        sum = fromArray(SPECIES, x, r3 + j + 4).fma(w19, sum);
        sum = fromArray(SPECIES, x, r4 + j).fma(w20, sum);
        sum = fromArray(SPECIES, x, r4 + j + 1).fma(w21, sum);
        sum = fromArray(SPECIES, x, r4 + j + 2).fma(w22, sum);
        sum = fromArray(SPECIES, x, r4 + j + 3).fma(w23, sum);
        sum = fromArray(SPECIES, x, r4 + j + 4).fma(w24, sum);
        sum.intoArray(y, out + j);
      }
    }
  }

  static void kernel5stride2(int rows, int width, float[] x, int part, float[] w, float[] y) {
    FloatVector w0 = broadcast(SPECIES, w[0]);
    FloatVector w1 = broadcast(SPECIES, w[1]);
    FloatVector w2 = broadcast(SPECIES, w[2]);
    FloatVector w3 = broadcast(SPECIES, w[3]);
    FloatVector w4 = broadcast(SPECIES, w[4]);
    FloatVector w5 = broadcast(SPECIES, w[5]);
    FloatVector w6 = broadcast(SPECIES, w[6]);
    FloatVector w7 = broadcast(SPECIES, w[7]);
    FloatVector w8 = broadcast(SPECIES, w[8]);
    FloatVector w9 = broadcast(SPECIES, w[9]);
    FloatVector w10 = broadcast(SPECIES, w[10]);
    FloatVector w11 = broadcast(SPECIES, w[11]);
    FloatVector w12 = broadcast(SPECIES, w[12]);
    FloatVector w13 = broadcast(SPECIES, w[13]);
    FloatVector w14 = broadcast(SPECIES, w[14]);
    FloatVector w15 = broadcast(SPECIES, w[15]);
    FloatVector w16 = broadcast(SPECIES, w[16]);
    FloatVector w17 = broadcast(SPECIES, w[17]);
    FloatVector w18 = broadcast(SPECIES, w[18]);
    FloatVector w19 = broadcast(SPECIES, w[19]);
    FloatVector w20 = broadcast(SPECIES, w[20]);
    FloatVector w21 = broadcast(SPECIES, w[21]);
    FloatVector w22 = broadcast(SPECIES, w[22]);
    FloatVector w23 = broadcast(SPECIES, w[23]);
    FloatVector w24 = broadcast(SPECIES, w[24]);
    for (int r = 0; r < rows; r++) {
      int r0 = 4 * r * part;
      int s0 = r0 + part;
      int r1 = r0 + 2 * part;
      int s1 = r1 + part;
      int r2 = r1 + 2 * part;
      int s2 = r2 + part;
      int r3 = r2 + 2 * part;
      int s3 = r3 + part;
      int r4 = r3 + 2 * part;
      int s4 = r4 + part;
      for (int j = 0, out = r * width; j < width; j += LANES) {
        FloatVector sum = FloatVector.zero(SPECIES);
        sum = fromArray(SPECIES, x, r0 + j).fma(w0, sum);
        sum = fromArray(SPECIES, x, s0 + j).fma(w1, sum);
        sum = fromArray(SPECIES, x, r0 + j + 1).fma(w2, sum);
        sum = fromArray(SPECIES, x, s0 + j + 1).fma(w3, sum);
        sum = fromArray(SPECIES, x, r0 + j + 2).fma(w4, sum);
        sum = fromArray(SPECIES, x, r1 + j).fma(w5, sum);
        sum = fromArray(SPECIES, x, s1 + j).fma(w6, sum);
        sum = fromArray(SPECIES, x, r1 + j + 1).fma(w7, sum);
        sum = fromArray(SPECIES, x, s1 + j + 1).fma(w8, sum);
        sum = fromArray(SPECIES, x, r1 + j + 2).fma(w9, sum);
        sum = fromArray(SPECIES, x, r2 + j).fma(w10, sum);
        sum = fromArray(SPECIES, x, s2 + j).fma(w11, sum);
        sum = fromArray(SPECIES, x, r2 + j + 1).fma(w12, sum);
        sum = fromArray(SPECIES, x, s2 + j + 1).fma(w13, sum);
        sum = fromArray(SPECIES, x, r2 + j + 2).fma(w14, sum);
        sum = fromArray(SPECIES, x, r3 + j).fma(w15, sum);
        sum = fromArray(SPECIES, x, s3 + j).fma(w16, sum);
        sum = fromArray(SPECIES, x, r3 + j + 1).fma(w17, sum);
        sum = fromArray(SPECIES, x, s3 + j + 1).fma(w18, sum);
        sum = fromArray(SPECIES, x, r3 + j + 2).fma(w19, sum);
        sum = fromArray(SPECIES, x, r4 + j).fma(w20, sum);
        sum = fromArray(SPECIES, x, s4 + j).fma(w21, sum);
        sum = fromArray(SPECIES, x, r4 + j + 1).fma(w22, sum);
        sum = fromArray(SPECIES, x, s4 + j + 1).fma(w23, sum);
        sum = fromArray(SPECIES, x, r4 + j + 2).fma(w24, sum);
        sum.intoArray(y, out + j);
      }
    }
  }
}
