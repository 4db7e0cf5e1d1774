package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jllm.cuda.TestDevice;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A device that computes otherwise than it should, by its own means, is noticed. */
class TensorCoreGuardTest {
  private static final String WARNING = "attention on tensor cores, for heads of 32, is not used";
  private static final String DEVICE = "Fake CUDA device";

  private static final String[] NANO = {"--preset", "nano"};
  private static final String[] EXPERTS = {
    "--preset", "llama-tiny", "--experts", "4", "--n-layer", "1", "--d-model", "64", "--n-head", "2"
  };

  @TempDir Path folder;

  @Test
  void theGeneralKernelsGoOnWithAWarning() throws Exception {
    assumeFalse(TestDevice.isReal(), "a real device cannot be made to be wrong");
    String said = train(Map.of("JLLM_FAKE_CUDA_WRONG", "mma"), NANO);
    assertTrue(said.contains(WARNING), said);
    assertTrue(said.contains("the derivative of " + WARNING), said);
    assertTrue(said.contains(DEVICE), said);
    assertFalse(train(Map.of(), NANO).contains("is not used"));
  }

  @Test
  void theGeneralKernelsOfExpertsGoOnWithAWarning() throws Exception {
    assumeFalse(TestDevice.isReal(), "a real device cannot be made to be wrong");
    String said = train(Map.of("JLLM_FAKE_CUDA_WRONG", "mma"), EXPERTS);
    for (String what :
        new String[] {
          "forward, BF16", "derivative by the inputs, BF16", "derivative by the weights, F32"
        }) {
      String warning = "products with experts on tensor cores (" + what + ") are not used";
      assertTrue(said.contains(warning), said);
    }
    assertFalse(train(Map.of(), EXPERTS).contains("not used"));
  }

  @Test
  void geluOfItsOwnGoesOnWithAWarning() throws Exception {
    assumeFalse(TestDevice.isReal(), "a real device cannot be made to be wrong");
    String said = train(Map.of("JLLM_FAKE_CUDA_WRONG", "gelu"), NANO);
    assertTrue(said.contains("GELU within the products of cuBLASLt is not used"), said);
    assertTrue(said.contains(DEVICE), said);
  }

  /** Does a step of training, and returns what was said on standard error. */
  private String train(Map<String, String> more, String... model) throws Exception {
    Map<String, String> environment = new HashMap<>(more);
    for (String name : new String[] {"JLLM_CUDA_LIBS", "XDG_CACHE_HOME"}) {
      environment.put(name, TestDevice.environment().get(name));
    }
    Path err = folder.resolve("err");
    List<String> command =
        new ArrayList<>(
            List.of(
                "bench-train",
                "--batch-size",
                "1",
                "--seq-len",
                "20",
                "--device",
                "cuda",
                "--dtype",
                "bf16",
                "--warm-up",
                "0",
                "-r",
                "1"));
    command.addAll(List.of(model));
    Process process = Program.start(err, environment, command.toArray(String[]::new));
    process.getOutputStream().close();
    process.getInputStream().readAllBytes();
    int status = process.waitFor();
    String said = Files.readString(err);
    assertEquals(0, status, said);
    return said;
  }
}
