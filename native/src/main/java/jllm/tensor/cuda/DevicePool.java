package jllm.tensor.cuda;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import jllm.ffi.cuda.CudaDriver;
import jllm.ffi.cuda.CudaException;
import org.jspecify.annotations.Nullable;

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

  /**
   * While a step is recorded: the pieces that it took, and of these by size the ones that it gave
   * back. Each replay uses them, so nobody else gets them.
   */
  private @Nullable List<Long> recorded;

  private final TreeMap<Long, ArrayDeque<Long>> recordedUnused = new TreeMap<>();

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
    Long address = recorded == null ? null : reuse(recordedUnused, size);
    if (address == null) {
      address = reuse(unused, size);
      if (address == null) {
        address = allocate(size);
        used.put(address, size);
      }
      if (recorded != null) {
        recorded.add(address);
      }
    }
    return address;
  }

  /** A piece of those that are not in use, which then is; null if none fits. */
  private @Nullable Long reuse(NavigableMap<Long, ArrayDeque<Long>> pieces, long size) {
    Map.Entry<Long, ArrayDeque<Long>> fitting = pieces.ceilingEntry(size);
    // A piece much too large stays for those who need it.
    if (fitting == null || fitting.getKey() > size + size / 8) {
      return null;
    }
    Long address = fitting.getValue().pop();
    if (fitting.getValue().isEmpty()) {
      pieces.remove(fitting.getKey());
    }
    used.put(address, fitting.getKey());
    return address;
  }

  /** From now on pieces that are taken stay together until {@link #endRecording}. */
  synchronized void beginRecording() {
    recorded = new ArrayList<>();
  }

  /**
   * The pieces that were taken since {@link #beginRecording}; they are in use until they are given
   * back once more.
   */
  synchronized List<Long> endRecording() {
    List<Long> taken = recorded == null ? List.of() : recorded;
    recordedUnused.forEach((size, pieces) -> pieces.forEach(piece -> used.put(piece, size)));
    recordedUnused.clear();
    recorded = null;
    return taken;
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
      boolean own = recorded != null && recorded.contains(address);
      (own ? recordedUnused : unused).computeIfAbsent(size, _ -> new ArrayDeque<>()).push(address);
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
