package org.ondol.vector;

/**
 * The inner loops of one variant. Everything around them (blocking, packing, masks, the order of the epilogue) is
 * shared, so the variants differ only where a loop runs over lanes. Each call covers thousands of elements: it may be
 * megamorphic without being noticed.
 */
record Loops(Tiles tiles, Rows rows, Elements elements, Scores scores, Lines lines, ConvTiles convTiles, PoolLoops pool,
    Overlaps overlaps, BoxLoops boxes, AlignLoops align, RoiLoops roi, NadeLoops nade, LstmLoops lstm, Turns turns,
    WinogradLoops winograd, Casts casts) {
  /** Needs the module jdk.incubator.vector: the classes it names are loaded here first. */
  static Loops vector() {
    return new Loops(new VectorTiles(), new VectorRows(), new VectorElements(), new VectorScores(), new VectorLines(),
        new VectorConvTiles(), new VectorPoolLoops(), new VectorOverlaps(), new VectorBoxLoops(), new VectorAlignLoops(),
        new VectorRoiLoops(), new VectorNadeLoops(), new VectorLstm(), new VectorTurns(), new VectorWinograd(),
        new VectorCasts());
  }

  static Loops scalar() {
    return new Loops(new ScalarTiles(), new ScalarRows(), new ScalarElements(), new ScalarScores(), new ScalarLines(),
        new ScalarConvTiles(), new ScalarPoolLoops(), new ScalarOverlaps(), new ScalarBoxLoops(), new ScalarAlignLoops(),
        new ScalarRoiLoops(), new ScalarNadeLoops(), new ScalarLstm(), new ScalarTurns(), new ScalarWinograd(),
        new ScalarCasts());
  }
}
