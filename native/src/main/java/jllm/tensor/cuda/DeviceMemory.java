package jllm.tensor.cuda;

import java.util.ArrayList;
import java.util.List;
import jllm.tensor.Memory;
import jllm.tensor.Storage;

/** Memory of one lifetime on the device. */
final class DeviceMemory implements Memory {
  private final Gpu gpu;
  private final List<Long> addresses = new ArrayList<>();

  DeviceMemory(Gpu gpu) {
    this.gpu = gpu;
  }

  @Override
  public Storage reserve(long bytes) {
    long address = gpu.takeZeroed(bytes);
    addresses.add(address);
    return new Storage.Device(address, bytes);
  }

  @Override
  public void close() {
    addresses.forEach(gpu::give);
    addresses.clear();
  }

  @Override
  public String toString() {
    return "memory of the CUDA device " + gpu.device().index();
  }
}
