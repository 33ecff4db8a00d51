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

/** Builds an ONNX model of one node. Inputs and outputs are the node's, in order; an empty name leaves one out. */
public final class OnnxModel {
  public static final String ONNX = "";
  public static final String MICROSOFT = "com.microsoft";

  private final NodeProto.Builder node = NodeProto.newBuilder();
  private final GraphProto.Builder graph = GraphProto.newBuilder();
  private final String domain;
  private final int opset;

  public OnnxModel(String domain, String operator, int opset) {
    this.domain = domain;
    this.opset = opset;
    node.setDomain(domain).setOpType(operator).setName("node");
    graph.setName(operator);
  }

  public OnnxModel input(String name, long... shape) {
    return input(name, TensorProto.DataType.FLOAT, shape);
  }

  public OnnxModel input(String name, TensorProto.DataType type, long... shape) {
    node.addInput(name);
    graph.addInput(value(name, type, shape));
    return this;
  }

  /** An input that is part of the model, as weights are: the runtime may pack it once. */
  public OnnxModel constant(String name, float[] data, long... shape) {
    node.addInput(name);
    TensorProto.Builder tensor = TensorProto.newBuilder();
    tensor.setName(name).setDataType(TensorProto.DataType.FLOAT.getNumber());
    for (long d : shape) {
      tensor.addDims(d);
    }
    for (float f : data) {
      tensor.addFloatData(f);
    }
    graph.addInitializer(tensor);
    return this;
  }

  public OnnxModel noInput() {
    node.addInput("");
    return this;
  }

  public OnnxModel output(String name, long... shape) {
    node.addOutput(name);
    graph.addOutput(value(name, TensorProto.DataType.FLOAT, shape));
    return this;
  }

  public OnnxModel attribute(String name, long value) {
    node.addAttribute(AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INT).setI(value));
    return this;
  }

  public OnnxModel attribute(String name, float value) {
    node.addAttribute(AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.FLOAT).setF(value));
    return this;
  }

  public OnnxModel attribute(String name, long[] values) {
    AttributeProto.Builder attribute = AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
    for (long v : values) {
      attribute.addInts(v);
    }
    node.addAttribute(attribute);
    return this;
  }

  public OnnxModel attribute(String name, String value) {
    node.addAttribute(AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.STRING)
        .setS(ByteString.copyFromUtf8(value)));
    return this;
  }

  public byte[] bytes() {
    graph.addNode(node);
    ModelProto.Builder model = ModelProto.newBuilder().setIrVersion(10).setGraph(graph);
    if (domain.equals(ONNX)) {
      model.addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(opset));
    } else {
      model.addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(17));
      model.addOpsetImport(OperatorSetIdProto.newBuilder().setDomain(domain).setVersion(opset));
    }
    return model.build().toByteArray();
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
