package jllm.tensor.cuda;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import jllm.ffi.cuda.CudaDriver;
import jllm.ffi.cuda.CudaException;

/**
 * Memory of a device, kept when it is given back: allocating waits for the device, taking a piece
 * again does not. That a piece is used again at once is safe because all work goes through one
 * stream, in order.
 */
final class DevicePool {
  private static final long SMALL = 512;
  private static final long LARGE = 2L << 20;

  private final CudaDriver driver;
  private final CudaDevice device;

  /** Pieces in use, with their sizes. */
  private final Map<Long, Long> used = new HashMap<>();

  private final TreeMap<Long, ArrayDeque<Long>> unused = new TreeMap<>();

  DevicePool(CudaDriver driver, CudaDevice device) {
    this.driver = driver;
    this.device = device;
  }

  /**
   * Memory of undefined contents, aligned to 256 bytes.
   *
   * @throws DeviceMemoryException if there is not enough
   */
  synchronized long take(long bytes) {
    long size = round(Math.max(1, bytes));
    Map.Entry<Long, ArrayDeque<Long>> fitting = unused.ceilingEntry(size);
    // A piece much too large stays for those who need it.
    if (fitting != null && fitting.getKey() <= size + size / 8) {
      long address = fitting.getValue().pop();
      if (fitting.getValue().isEmpty()) {
        unused.remove(fitting.getKey());
      }
      used.put(address, fitting.getKey());
      return address;
    }
    long address = allocate(size);
    used.put(address, size);
    return address;
  }

  private long allocate(long size) {
    try {
      return driver.allocate(size);
    } catch (CudaException e) {
      if (e.code() != CudaDriver.OUT_OF_MEMORY) {
        throw e;
      }
    }
    trim();
    try {
      return driver.allocate(size);
    } catch (CudaException e) {
      if (e.code() != CudaDriver.OUT_OF_MEMORY) {
        throw e;
      }
      throw new DeviceMemoryException(
          "CUDA device %d (%s): %s were asked for, %s of %s are free, this process holds %s"
              .formatted(
                  device.index(),
                  device.name(),
                  mebibytes(size),
                  mebibytes(driver.freeMemory()),
                  mebibytes(device.memory()),
                  mebibytes(used.values().stream().mapToLong(Long::longValue).sum())));
    }
  }

  private static String mebibytes(long bytes) {
    return Math.ceilDiv(bytes, 1L << 20) + " MiB";
  }

  private static long round(long bytes) {
    long unit = bytes < LARGE / 2 ? SMALL : LARGE;
    return (bytes + unit - 1) / unit * unit;
  }

  synchronized void give(long address) {
    Long size = used.remove(address);
    if (size != null) {
      unused.computeIfAbsent(size, _ -> new ArrayDeque<>()).push(address);
    }
  }

  /** Returns to the device what is not in use. */
  private void trim() {
    if (!unused.isEmpty()) {
      driver.synchronizeContext(); // What was started may still use what was given back.
    }
    unused.values().forEach(pieces -> pieces.forEach(driver::free));
    unused.clear();
  }

  /** Returns all to the device. */
  synchronized void close() {
    trim();
    used.keySet().forEach(driver::free);
    used.clear();
  }
}
