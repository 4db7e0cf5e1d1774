package jllm.contract;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.HostMemory;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;

/**
 * The operands of one call where the backend under test has its memory, each with the bytes around
 * it, so that these can be looked at afterwards. On the host they are the operands themselves.
 */
final class DeviceCopies implements AutoCloseable {
  private record Copy(MemorySegment host, Tensor device) {}

  private final Backend backend;
  private final Memory memory;

  /** By address: views share their memory. */
  private final Map<Long, Copy> copies = new HashMap<>();

  DeviceCopies(Backend backend) {
    this.backend = backend;
    this.memory = backend.memory();
  }

  Tensor of(Operand operand) {
    Tensor tested = operand.tested();
    if (memory instanceof HostMemory || !tested.isOnHost()) {
      return tested;
    }
    MemorySegment region = operand.region();
    Copy copy = copies.computeIfAbsent(region.address(), _ -> upload(region));
    long offset = tested.segment().address() - region.address();
    long bytes = Tensor.byteSize(tested.dtype(), tested.shape());
    Storage storage = copy.device().storage().slice(offset, bytes);
    return new Tensor(tested.dtype(), tested.shape(), storage);
  }

  /** Bytes are copied as numbers of 16 bits. */
  private Copy upload(MemorySegment region) {
    Shape shape = Shape.of(Math.toIntExact(region.byteSize() / Short.BYTES));
    Tensor device = memory.tensor(DType.F16, shape);
    backend.upload(device, region);
    return new Copy(region, device);
  }

  /** Gives the operands on the host what the device has. */
  void fetch() {
    copies.values().forEach(copy -> backend.download(copy.host(), copy.device()));
  }

  @Override
  public void close() {
    memory.close();
  }
}
