package jllm.tensor.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.ffi.cuda.CudaDriver;
import jllm.ffi.cuda.CudaException;
import jllm.ffi.cuda.MissingLibraryException;

/**
 * A device as its driver describes it.
 *
 * @param index from 0
 * @param memory bytes
 * @param major of the compute capability
 * @param minor of the compute capability
 * @param processors streaming multiprocessors
 * @param sharedMemory bytes of it that a block can have
 * @param clock of these in kHz, 0 if the driver does not say
 * @param memoryClock in kHz, 0 if the driver does not say
 * @param busBits width of the memory's bus
 * @param driver the newest CUDA version that the driver knows, such as {@code 13.0}
 */
public record CudaDevice(
    int index,
    String name,
    long memory,
    int major,
    int minor,
    int processors,
    int sharedMemory,
    int clock,
    int memoryClock,
    int busBits,
    String driver) {
  /** {@code CUdevice_attribute}s. */
  private static final int CLOCK = 13;

  private static final int PROCESSORS = 16;
  private static final int MEMORY_CLOCK = 36;
  private static final int BUS_BITS = 37;
  private static final int MAJOR = 75;
  private static final int MINOR = 76;
  private static final int SHARED_MEMORY = 97;

  /** How the names of architectures begin that are those of devices. */
  static final String REAL = "sm_";

  /** Compute capability below which blocks have too little shared memory for attention. */
  private static final int LEAST_MAJOR = 8;

  /**
   * All devices.
   *
   * @param environment variables, which say where libraries are
   * @throws DeviceUnavailableException if there is no driver or no device
   */
  public static List<CudaDevice> list(Map<String, String> environment) {
    CudaDriver driver = driver(environment);
    List<CudaDevice> devices = new ArrayList<>();
    int count = driver.deviceCount();
    for (int index = 0; index < count; index++) {
      devices.add(of(driver, index));
    }
    if (devices.isEmpty()) {
      throw new DeviceUnavailableException(
          "the NVIDIA driver (" + driver.path() + ") has no device");
    }
    return devices;
  }

  /** The driver, started; what it lacks becomes one sentence. */
  static CudaDriver driver(Map<String, String> environment) {
    try {
      return CudaDriver.open(environment);
    } catch (MissingLibraryException e) {
      throw new DeviceUnavailableException(String.valueOf(e.getMessage()));
    } catch (CudaException e) {
      throw new DeviceUnavailableException("the NVIDIA driver does not start: " + e.getMessage());
    }
  }

  static CudaDevice of(CudaDriver driver, int index) {
    int count = driver.deviceCount();
    if (index >= count) {
      throw new DeviceUnavailableException(
          "there is no CUDA device %d: the driver (%s) has %s"
              .formatted(
                  index,
                  driver.path(),
                  count == 0 ? "none" : count == 1 ? "one, number 0" : "0 to " + (count - 1)));
    }
    int handle = driver.device(index);
    int version = driver.version();
    return new CudaDevice(
        index,
        driver.deviceName(handle),
        driver.totalMemory(handle),
        driver.attribute(MAJOR, handle),
        driver.attribute(MINOR, handle),
        driver.attribute(PROCESSORS, handle),
        driver.attribute(SHARED_MEMORY, handle),
        driver.attribute(CLOCK, handle),
        driver.attribute(MEMORY_CLOCK, handle),
        driver.attribute(BUS_BITS, handle),
        version / 1000 + "." + version % 1000 / 10);
  }

  /** Such as {@code 9.0}. */
  public String computeCapability() {
    return major + "." + minor;
  }

  /**
   * The compiler's name for it, such as {@code sm_90}; for a device that is newer than the compiler
   * the newest virtual architecture that both know, such as {@code compute_90}.
   *
   * @param known what the compiler makes code for, in rising order
   */
  String architecture(int[] known) {
    int own = 10 * major + minor;
    int newest = known[0];
    for (int one : known) {
      if (one == own) {
        return REAL + own;
      }
      newest = one < own ? one : newest;
    }
    return "compute_" + newest;
  }

  /**
   * @throws DeviceUnavailableException if the kernels need a newer device
   */
  void requireSupported() {
    if (major < LEAST_MAJOR) {
      throw new DeviceUnavailableException(
          "device %d (%s) has compute capability %s, expected %d.0 or newer"
              .formatted(index, name, computeCapability(), LEAST_MAJOR));
    }
  }

  /** Bytes a second between the device and its memory, as its clock says; 0 if not known. */
  public double peakBandwidth() {
    return 2.0 * memoryClock * 1000 * busBits / 8;
  }
}
