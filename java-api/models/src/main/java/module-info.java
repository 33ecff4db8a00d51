/** Ondol's model layer: it sees tensors and operations, never a backend. */
module org.ondol.models {
  requires transitive org.ondol.core;
  requires ai.djl.tokenizers;
  requires com.google.protobuf;
  requires org.tribuo.util.onnx;

  exports org.ondol.models;
  exports org.ondol.models.layers;
  exports org.ondol.models.weights;
}
