package org.ondol.test.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * One ONNX backend node case: a model of one node with its inputs and expected outputs, by position in the node; null where
 * an optional one is left out.
 */
public record OnnxCase(
    String name, String op, long opset, Map<String, AttributeProto> attributes, List<OnnxValue> inputs,
    List<OnnxValue> outputs) {

  public static OnnxCase read(Path folder) throws IOException {
    ModelProto model = ModelProto.parseFrom(Files.readAllBytes(folder.resolve("model.onnx")));
    NodeProto node = model.getGraph().getNode(0);
    Map<String, AttributeProto> attributes = new TreeMap<>();
    node.getAttributeList().forEach(a -> attributes.put(a.getName(), a));
    Map<String, TensorProto> weights = new TreeMap<>();
    model.getGraph().getInitializerList().forEach(t -> weights.put(t.getName(), t));
    List<String> graphInputs = model.getGraph().getInputList().stream().map(v -> v.getName()).toList();
    List<String> graphOutputs = model.getGraph().getOutputList().stream().map(v -> v.getName()).toList();
    Path data = folder.resolve("test_data_set_0");
    return new OnnxCase(folder.getFileName().toString(), node.getOpType(), model.getOpsetImport(0).getVersion(),
        attributes, values(data, "input_", graphInputs, node.getInputList(), weights),
        values(data, "output_", graphOutputs, node.getOutputList(), Map.of()));
  }

  /** File k holds the graph's value k, unless the model holds it; the node names what it takes at each position. */
  private static List<OnnxValue> values(Path data, String prefix, List<String> graph, List<String> node,
      Map<String, TensorProto> weights) throws IOException {
    List<OnnxValue> values = new ArrayList<>();
    for (String name : node) {
      int k = graph.indexOf(name);
      values.add(weights.containsKey(name) ? OnnxValue.of(weights.get(name)) : name.isEmpty() || k < 0 ? null
          : OnnxValue.of(TensorProto.parseFrom(Files.readAllBytes(data.resolve(prefix + k + ".pb")))));
    }
    return values;
  }

  public OnnxValue input(int i) {
    return i < inputs.size() ? inputs.get(i) : null;
  }

  /** Whether the case asks for output i. */
  public boolean wants(int i) {
    return i < outputs.size() && outputs.get(i) != null;
  }

  public long intAttribute(String name, long otherwise) {
    return attributes.containsKey(name) ? attributes.get(name).getI() : otherwise;
  }

  public long[] intsAttribute(String name) {
    return attributes.get(name).getIntsList().stream().mapToLong(Long::longValue).toArray();
  }

  public float floatAttribute(String name, float otherwise) {
    return attributes.containsKey(name) ? attributes.get(name).getF() : otherwise;
  }

  public long[] intsAttribute(String name, long... otherwise) {
    return attributes.containsKey(name)
        ? attributes.get(name).getIntsList().stream().mapToLong(Long::longValue).toArray() : otherwise;
  }

  public String stringAttribute(String name, String otherwise) {
    return attributes.containsKey(name) ? attributes.get(name).getS().toStringUtf8() : otherwise;
  }
}
