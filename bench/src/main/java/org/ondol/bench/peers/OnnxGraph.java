package org.ondol.bench.peers;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;

/** Builds an ONNX model of several nodes, each with one output that is named by a string. */
public final class OnnxGraph {
  private final GraphProto.Builder graph = GraphProto.newBuilder().setName("graph");
  private final int opset;
  private int nodes;

  public OnnxGraph(int opset) {
    this.opset = opset;
  }

  public String input(String name, TensorProto.DataType type, long... shape) {
    graph.addInput(value(name, type, shape));
    return name;
  }

  public String input(String name, long... shape) {
    return input(name, TensorProto.DataType.FLOAT, shape);
  }

  /** The output of a new node. */
  public String node(String operator, String... inputs) {
    return node(NodeProto.newBuilder().setOpType(operator), inputs);
  }

  /** A tensor that is part of the model, as weights are: the runtime may pack it once. */
  public String constant(String name, float[] data, long... shape) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * data.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(data);
    TensorProto.Builder tensor = TensorProto.newBuilder().setName(name)
        .setDataType(TensorProto.DataType.FLOAT.getNumber()).setRawData(UnsafeByteOperations.unsafeWrap(bytes));
    for (long d : shape) {
      tensor.addDims(d);
    }
    graph.addInitializer(tensor);
    return name;
  }

  /** The output of a new node with attributes: whole numbers, each alone (long) or in a list (long[]). */
  public String node(String operator, Map<String, Object> attributes, String... inputs) {
    NodeProto.Builder node = NodeProto.newBuilder().setOpType(operator);
    attributes.forEach((name, value) -> node.addAttribute(value instanceof long[] list ? integers(name, list)
        : integer(name, (Long) value)));
    return node(node, inputs);
  }

  private static AttributeProto integers(String name, long[] values) {
    AttributeProto.Builder all = AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
    for (long v : values) {
      all.addInts(v);
    }
    return all.build();
  }

  /** RoiAlign with one sample in the middle of each bin. */
  public String roiAlign(String x, String rois, String batch, long height, long width) {
    NodeProto.Builder node = NodeProto.newBuilder().setOpType("RoiAlign");
    node.addAttribute(integer("output_height", height)).addAttribute(integer("output_width", width))
        .addAttribute(integer("sampling_ratio", 1)).addAttribute(text("coordinate_transformation_mode", "half_pixel"))
        .addAttribute(text("mode", "avg"));
    return node(node, x, rois, batch);
  }

  private static AttributeProto integer(String name, long value) {
    return AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INT).setI(value).build();
  }

  private static AttributeProto text(String name, String value) {
    return AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.STRING)
        .setS(ByteString.copyFromUtf8(value)).build();
  }

  private String node(NodeProto.Builder node, String... inputs) {
    String output = "v" + nodes++;
    for (String input : inputs) {
      node.addInput(input);
    }
    graph.addNode(node.setName(output).addOutput(output));
    return output;
  }

  /** The model with this value as its output. */
  public byte[] bytes(String output, long... shape) {
    graph.addOutput(value(output, TensorProto.DataType.FLOAT, shape));
    return ModelProto.newBuilder().setIrVersion(10).setGraph(graph)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(opset)).build().toByteArray();
  }

  private static ValueInfoProto value(String name, TensorProto.DataType type, long... shape) {
    TensorShapeProto.Builder dims = TensorShapeProto.newBuilder();
    for (long d : shape) {
      dims.addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(d));
    }
    TypeProto.Tensor tensor = TypeProto.Tensor.newBuilder().setElemType(type.getNumber()).setShape(dims).build();
    return ValueInfoProto.newBuilder().setName(name).setType(TypeProto.newBuilder().setTensorType(tensor)).build();
  }
}
