package jllm.tensor.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CudaDeviceTest {

  /** Devices that the compiler does not know get code that the driver translates. */
  @ParameterizedTest
  @CsvSource({"8, 0, sm_80", "9, 0, sm_90", "8, 6, compute_80", "10, 0, compute_90"})
  void architecturesAreThoseOfTheDeviceOrTheNewestBeforeIt(int major, int minor, String expected) {
    CudaDevice device = new CudaDevice(0, "a device", 0, major, minor, 1, 0, 0, 0, 0, "13.0");
    assertEquals(expected, device.architecture(new int[] {80, 90}));
  }
}
