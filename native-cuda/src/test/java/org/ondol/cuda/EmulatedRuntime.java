package org.ondol.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.ondol.HostMemory;
import org.ondol.natives.Family;
import org.ondol.spi.Memory;

/**
 * A device whose memory is the host's, of limited size, and which is as lazy as it may be: work waits in its stream until
 * somebody waits for it, so that whatever is changed or freed too early, or read before it was waited for, shows. It refuses
 * what CUDA refuses, and what CUDA would let pass to some thread's misfortune: copies of memory that is not page-locked, and
 * work on memory that was freed.
 */
class EmulatedRuntime implements CudaRuntime {
  private static final long ALIGNMENT = 256;
  private static final byte SCRIBBLE = (byte) 0xFF; // NaN as a float

  private interface Work {
    void run();
  }

  private static final class Stream {
    final ArrayDeque<Work> queue = new ArrayDeque<>();
    List<Work> captured;
    boolean invalid;
  }

  private final Map<Long, Stream> streams = new HashMap<>();
  private final Map<Long, Boolean> events = new HashMap<>(); // whether it came up
  private final Map<Long, Stream> eventStreams = new HashMap<>();
  private final Map<Long, List<Work>> graphs = new HashMap<>();
  private final TreeMap<Long, Memory.Block> blocks = new TreeMap<>();
  private final Map<Long, Memory.Block> hosts = new HashMap<>(); // the memory under the blocks
  private final TreeMap<Long, Memory.Block> freed = new TreeMap<>();
  private final Map<Long, Memory.Block> pinned = new HashMap<>();
  private long handles = 1;
  private long available;
  private final long capacity;
  private long untilFault = Long.MAX_VALUE;
  private CudaFailure fault;
  private CudaFailure lost;
  private int refusedPins;
  /** For a test that queues work of its own. */
  long behind;

  EmulatedRuntime(long available) {
    this.available = available;
    capacity = available;
  }

  // ---- what tests ask for

  synchronized int blocks() {
    return blocks.size();
  }

  /** Page-locked pieces. */
  synchronized int pins() {
    return pinned.size();
  }

  synchronized int streams() {
    return streams.size();
  }

  synchronized int graphs() {
    return graphs.size();
  }

  /** Works that wait in streams. */
  synchronized int waiting() {
    return streams.values().stream().mapToInt(s -> s.queue.size()).sum();
  }

  /** The device is lost when so many more works have run. */
  synchronized void faultAfter(int works) {
    untilFault = works;
    fault = new CudaFailure(CudaFailure.Kind.LOST, "an illegal memory access was encountered (cudaErrorIllegalAddress)");
  }

  /** The next so many calls for page-locked memory find none. */
  synchronized void refusePins(int count) {
    refusedPins = count;
  }

  // ---- memory

  @Override
  public int ordinal() {
    return 0;
  }

  /** Filled with NaN: contents of fresh memory must not matter. */
  @Override
  public synchronized long allocate(long bytes) {
    check();
    if (bytes > available) return 0;
    available -= bytes;
    Memory.Block host = HostMemory.INSTANCE.allocate(bytes + ALIGNMENT);
    host.segment().fill(SCRIBBLE);
    long address = (host.address() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    freed.subMap(host.address(), true, host.address() + host.bytes(), false).clear();
    blocks.put(address, new Memory.Block(address, host.segment().asSlice(address - host.address(), bytes), bytes));
    hosts.put(address, host);
    return address;
  }

  @Override
  public synchronized void free(long address) {
    check();
    for (Stream stream : streams.values()) drain(stream);
    Memory.Block block = blocks.remove(address);
    if (block == null) throw new AssertionError("freed memory that was not allocated: " + address);
    available += block.bytes();
    block.segment().fill(SCRIBBLE);
    freed.put(address, block);
    HostMemory.INSTANCE.free(hosts.remove(address));
  }

  @Override
  public synchronized long available() {
    check();
    return available;
  }

  @Override
  public synchronized long capacity() {
    check();
    return capacity;
  }

  @Override
  public synchronized MemorySegment pin(long bytes) {
    check();
    if (refusedPins > 0) {
      refusedPins--;
      return null;
    }
    Memory.Block block = HostMemory.INSTANCE.allocate(bytes);
    block.segment().fill(SCRIBBLE);
    pinned.put(block.address(), block);
    return block.segment().asSlice(0, bytes);
  }

  @Override
  public synchronized void unpin(MemorySegment memory) {
    check();
    Memory.Block block = pinned.remove(memory.address());
    if (block == null) throw new AssertionError("not page-locked: " + memory);
    block.segment().fill(SCRIBBLE);
    HostMemory.INSTANCE.free(block);
  }

  private void needPinned(MemorySegment memory) {
    for (Memory.Block b : pinned.values()) {
      if (memory.address() >= b.address() && memory.address() + memory.byteSize() <= b.address() + b.bytes()) return;
    }
    throw new AssertionError("an asynchronous copy of memory that is not page-locked");
  }

  /** The bytes at a device address, which must be allocated. */
  private MemorySegment device(long address, long bytes) {
    Map.Entry<Long, Memory.Block> entry = blocks.floorEntry(address);
    if (entry == null || address + bytes > entry.getKey() + entry.getValue().bytes()) {
      throw new AssertionError("work on memory that is not allocated: " + bytes + " bytes at " + address);
    }
    return entry.getValue().segment().asSlice(address - entry.getKey(), bytes);
  }

  // ---- streams

  @Override
  public synchronized long createStream() {
    check();
    streams.put(++handles, new Stream());
    return handles;
  }

  @Override
  public synchronized void destroyStream(long stream) {
    check();
    drain(stream(stream));
    streams.remove(stream);
  }

  private Stream stream(long handle) {
    Stream stream = streams.get(handle);
    if (stream == null) throw new AssertionError("no stream " + handle);
    return stream;
  }

  private void queue(long stream, Work work) {
    check();
    Stream s = stream(stream);
    if (s.captured != null) {
      s.captured.add(work);
    } else {
      s.queue.add(work);
    }
  }

  @Override
  public synchronized void synchronize(long stream) {
    Stream s = stream(stream);
    if (s.captured != null) {
      s.invalid = true;
      throw refused("operation not permitted when stream is capturing (cudaErrorStreamCaptureUnsupported)");
    }
    drain(s);
    check();
  }

  @Override
  public synchronized void query(long stream) {
    check();
  }

  private void drain(Stream stream) {
    while (!stream.queue.isEmpty() && lost == null) perform(stream.queue.poll());
  }

  private void perform(Work work) {
    if (untilFault-- == 0) {
      lost = fault;
      return;
    }
    work.run();
  }

  private void check() {
    if (lost != null) throw lost;
  }

  private static CudaFailure refused(String message) {
    return new CudaFailure(CudaFailure.Kind.REFUSED, message);
  }

  @Override
  public synchronized void upload(MemorySegment source, long target, long bytes, long stream) {
    needPinned(source);
    MemorySegment to = device(target, bytes);
    queue(stream, () -> {
      device(target, bytes);
      MemorySegment.copy(source, 0, to, 0, bytes);
    });
  }

  /** Until the copy has run, the target holds nothing of use. */
  @Override
  public synchronized void download(long source, MemorySegment target, long bytes, long stream) {
    needPinned(target.asSlice(0, bytes));
    device(source, bytes);
    target.asSlice(0, bytes).fill(SCRIBBLE);
    queue(stream, () -> MemorySegment.copy(device(source, bytes), 0, target, 0, bytes));
  }

  @Override
  public synchronized void zero(long target, long bytes, long stream) {
    device(target, bytes);
    queue(stream, () -> device(target, bytes).fill((byte) 0));
  }

  // ---- events

  @Override
  public synchronized long createEvent() {
    check();
    events.put(++handles, true);
    return handles;
  }

  @Override
  public synchronized void destroyEvent(long event) {
    check();
    events.remove(event);
  }

  @Override
  public synchronized void record(long event, long stream) {
    events.put(event, false);
    eventStreams.put(event, stream(stream));
    queue(stream, () -> events.put(event, true));
  }

  /** Runs no more than what is before the event. */
  @Override
  public synchronized void await(long event) {
    check();
    while (!events.get(event)) {
      Stream stream = eventStreams.get(event);
      if (stream.queue.isEmpty()) throw new AssertionError("an event that never comes up");
      perform(stream.queue.poll());
      check();
    }
  }

  // ---- graphs

  @Override
  public synchronized void beginCapture(long stream) {
    check();
    stream(stream).captured = new ArrayList<>();
  }

  @Override
  public synchronized long endCapture(long stream) {
    check();
    Stream s = stream(stream);
    List<Work> work = s.captured;
    s.captured = null;
    if (s.invalid) throw refused("operation failed due to a previous error during capture (cudaErrorStreamCaptureInvalidated)");
    graphs.put(++handles, List.copyOf(work));
    return handles;
  }

  @Override
  public synchronized void launch(long graph, long stream) {
    check();
    List<Work> work = graphs.get(graph);
    if (work == null) throw new AssertionError("no graph " + graph);
    for (Work w : work) queue(stream, w);
  }

  @Override
  public synchronized void destroyGraph(long graph) {
    check();
    if (graphs.remove(graph) == null) throw new AssertionError("no graph " + graph);
  }

  // ---- kernels

  /** The structs are copied, as a launch copies its parameters; the kernel runs when the stream comes to it. */
  @Override
  public synchronized long run(Family family, long args, long queue, long error) {
    check();
    long words = words(family);
    long[] call = MemorySegment.ofAddress(args).reinterpret(8 * words).toArray(ValueLayout.JAVA_LONG);
    long[] at = MemorySegment.ofAddress(queue).reinterpret(32).toArray(ValueLayout.JAVA_LONG);
    queue(at[1], () -> kernel(family, call, at));
    return 0;
  }

  private static long words(Family family) {
    try (Arena arena = Arena.ofConfined()) {
      return OndolCudaLibrary.ondol_cuda_args_words(arena.allocateFrom(family.spelling()).address());
    }
  }

  private void kernel(Family family, long[] call, long[] at) {
    for (long word : call) needAlive(family, word);
    needAlive(family, at[2]);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment args = arena.allocateFrom(ValueLayout.JAVA_LONG, call);
      MemorySegment queue = arena.allocateFrom(ValueLayout.JAVA_LONG, at);
      MemorySegment error = arena.allocate(256, 8);
      long status = launch(family, args.address(), queue.address(), error.address());
      if (status != 0) throw new AssertionError(family + ": " + error.asSlice(8).getString(0));
    }
  }

  /** Runs a kernel now. */
  long launch(Family family, long args, long queue, long error) {
    return CudaKernels.run(family, args, queue, error);
  }

  /** A word that is an address in freed memory is a pointer that somebody kept too long. */
  private void needAlive(Family family, long word) {
    Map.Entry<Long, Memory.Block> entry = freed.floorEntry(word);
    if (entry != null && word < entry.getKey() + entry.getValue().bytes() && !allocated(word)) {
      throw new AssertionError(family + " on memory that was freed");
    }
  }

  private boolean allocated(long word) {
    Map.Entry<Long, Memory.Block> entry = blocks.floorEntry(word);
    return entry != null && word < entry.getKey() + entry.getValue().bytes();
  }
}
