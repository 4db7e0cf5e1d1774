package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jllm.tensor.cpu.CpuKernels;
import org.junit.jupiter.api.Test;

class DoctorTest {

  @Test
  void saysWhatThereIs() {
    Run run = Run.of("doctor");
    assertEquals(0, run.code(), run.out() + run.err());
    assertTrue(run.out().contains(Runtime.version().toString()), run.out());
    assertTrue(run.out().contains("CPU kernels  " + CpuKernels.AUTO.describe()), run.out());
    assertTrue(run.out().contains("GPU"), run.out());
  }

  @Test
  void programsReadItToo() {
    Run run = Run.of("doctor", "--json");
    assertEquals(0, run.code(), run.out() + run.err());
    assertTrue(run.out().startsWith("[{\"check\":\"Java\",\"state\":\"ok\""), run.out());
  }
}
