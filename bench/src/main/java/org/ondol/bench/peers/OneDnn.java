package org.ondol.bench.peers;

import static org.bytedeco.dnnl.global.dnnl.*;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.bytedeco.dnnl.dnnl_engine;
import org.bytedeco.dnnl.dnnl_exec_arg_t;
import org.bytedeco.dnnl.dnnl_memory;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_primitive;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.ondol.bench.Contender.Unavailable;

/** oneDNN's C interface with an owner for everything: layouts, memory, primitives. */
final class OneDnn implements AutoCloseable {
  private final Arena arena = Arena.ofConfined();
  private final dnnl_engine engine = new dnnl_engine();
  private final dnnl_stream stream = new dnnl_stream();
  private final List<Runnable> undo = new ArrayList<>();

  OneDnn() throws Unavailable {
    try {
      Loader.load(org.bytedeco.dnnl.global.dnnl.class);
    } catch (LinkageError e) { // the binding's own library, or OpenCL's, which it loads first
      throw new Unavailable(e.toString());
    }
    check(dnnl_engine_create(engine, dnnl_cpu, 0));
    undo.add(() -> dnnl_engine_destroy(engine));
    check(dnnl_stream_create(stream, engine, dnnl_stream_default_flags));
    undo.add(() -> dnnl_stream_destroy(stream));
  }

  static void check(int status) {
    if (status != dnnl_success) {
      throw new IllegalStateException("oneDNN: status " + status);
    }
  }

  dnnl_engine engine() {
    return engine;
  }

  /** A tensor in one layout. */
  static final class Memory {
    private final dnnl_memory_desc layout;
    private final MemorySegment data;
    private final dnnl_memory handle;

    private Memory(dnnl_memory_desc layout, MemorySegment data, dnnl_memory handle) {
      this.layout = layout;
      this.data = data;
      this.handle = handle;
    }

    dnnl_memory_desc layout() {
      return layout;
    }

    boolean is(dnnl_memory_desc other) {
      return dnnl_memory_desc_equal(layout, other) != 0;
    }

    void set(float[] values) {
      MemorySegment.copy(values, 0, data, ValueLayout.JAVA_FLOAT, 0, values.length);
    }

    float[] values() {
      return data.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  /** A primitive with its operands. */
  record Step(dnnl_primitive primitive, dnnl_exec_arg_t arguments, int count) {}

  dnnl_memory_desc dense(long size) {
    return strided(new long[] {size}, new long[] {1});
  }

  dnnl_memory_desc strided(long[] dims, long[] strides) {
    dnnl_memory_desc d = layout();
    check(dnnl_memory_desc_create_with_strides(d, dims.length, dims, dnnl_f32, strides));
    return d;
  }

  /** A layout that is left to the primitive. */
  dnnl_memory_desc any(long[] dims) {
    dnnl_memory_desc d = layout();
    check(dnnl_memory_desc_create_with_tag(d, dims.length, dims, dnnl_f32, dnnl_format_tag_any));
    return d;
  }

  private dnnl_memory_desc layout() {
    dnnl_memory_desc d = new dnnl_memory_desc();
    undo.add(() -> dnnl_memory_desc_destroy(d));
    return d;
  }

  Memory memory(dnnl_memory_desc layout) {
    MemorySegment data = arena.allocate(dnnl_memory_desc_get_size(layout), 64);
    dnnl_memory handle = new dnnl_memory();
    check(dnnl_memory_create(handle, layout, engine, new BytePointer(data.asByteBuffer())));
    undo.add(() -> dnnl_memory_destroy(handle));
    return new Memory(layout, data, handle);
  }

  /** For one of the functions that make a primitive's descriptor. */
  dnnl_primitive_desc descriptor() {
    dnnl_primitive_desc d = new dnnl_primitive_desc();
    undo.add(() -> dnnl_primitive_desc_destroy(d));
    return d;
  }

  /** The layout that a primitive wants for an argument; it lives as long as the descriptor. */
  dnnl_memory_desc layout(dnnl_primitive_desc d, int argument) {
    return dnnl_primitive_desc_query_md(d, dnnl_query_exec_arg_md, argument);
  }

  Step step(dnnl_primitive_desc d, Map<Integer, Memory> operands) {
    dnnl_primitive primitive = new dnnl_primitive();
    check(dnnl_primitive_create(primitive, d));
    undo.add(() -> dnnl_primitive_destroy(primitive));
    dnnl_exec_arg_t arguments = new dnnl_exec_arg_t(operands.size());
    int i = 0;
    for (var operand : operands.entrySet()) {
      arguments.position(i++).arg(operand.getKey()).memory(operand.getValue().handle);
    }
    arguments.position(0);
    undo.add(arguments::close);
    return new Step(primitive, arguments, i);
  }

  Step reorder(Memory from, Memory to) {
    dnnl_primitive_desc d = descriptor();
    check(dnnl_reorder_primitive_desc_create(d, from.layout, engine, to.layout, engine, null));
    return step(d, Map.of(DNNL_ARG_FROM, from, DNNL_ARG_TO, to));
  }

  void execute(Step step) {
    check(dnnl_primitive_execute(step.primitive, stream, step.count, step.arguments));
  }

  void await() {
    check(dnnl_stream_wait(stream));
  }

  @Override
  public void close() {
    Collections.reverse(undo);
    undo.forEach(Runnable::run);
    arena.close();
  }
}
