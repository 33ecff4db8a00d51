/** Ondol's model layer: it sees tensors and operations, never a backend. */
module org.ondol.models {
  requires transitive org.ondol.core;
  // Reads images, and how they are to be turned.
  requires transitive java.desktop;
  // Gets published weights.
  requires java.net.http;
  requires metadata.extractor;
  requires ai.djl.tokenizers;
  requires com.google.protobuf;
  requires org.tribuo.util.onnx;

  // Reads the headers of weights; the tokenizers need it too and, being an automatic module, cannot say so.
  requires com.google.gson;
  requires org.slf4j;

  exports org.ondol.models;
  exports org.ondol.models.autoregressive;
  exports org.ondol.models.data;
  exports org.ondol.models.detection;
  exports org.ondol.models.evaluation;
  exports org.ondol.models.images;
  exports org.ondol.models.latent;
  exports org.ondol.models.layers;
  exports org.ondol.models.proposals;
  exports org.ondol.models.recipes;
  exports org.ondol.models.segmentation;
  exports org.ondol.models.training;
  exports org.ondol.models.trunks;
  exports org.ondol.models.weights;
}
