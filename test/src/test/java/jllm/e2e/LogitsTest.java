package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The logits of small models of several architectures and types against those of a reference
 * implementation.
 */
class LogitsTest {

  static Stream<Arguments> modelsAndKernels() {
    return Fixtures.GGUF.stream()
        .flatMap(
            model -> Stream.of("scalar", "vector").map(kernels -> Arguments.of(model, kernels)));
  }

  /**
   * The relative error that a type allows: rounding of float32, of half precision, of quantized
   * activations.
   */
  private static double tolerance(String model, String kernels) {
    if (model.endsWith("f32")) {
      return 1e-4;
    }
    boolean half = model.endsWith("F16");
    return half || kernels.equals("scalar") ? 1e-3 : 5e-2;
  }

  @ParameterizedTest
  @MethodSource("modelsAndKernels")
  void equalTheReference(String model, String kernels, @TempDir Path folder) throws IOException {
    float[] expected = floats(Files.readAllBytes(Fixtures.model(model + ".logits.f32")));
    for (String batch : new String[] {"64", "1", "3"}) {
      Path out = folder.resolve("logits-" + batch);
      Program.Result result =
          Program.run(
              "logits",
              Fixtures.model(model + ".gguf").toString(),
              "--ids",
              Fixtures.IDS,
              "-o",
              out.toString(),
              "-b",
              batch,
              "--cpu-kernels",
              kernels);
      assertEquals("", result.err());
      assertEquals(0, result.code());
      double error = relativeError(floats(Files.readAllBytes(out)), expected);
      assertTrue(
          error <= tolerance(model, kernels), model + ", batches of " + batch + ": " + error);
    }
  }

  @Test
  void idsComeFromStandardInputAndLogitsGoToStandardOutput(@TempDir Path folder)
      throws IOException {
    String model = Fixtures.model("llama-f32.gguf").toString();
    Path file = folder.resolve("logits");
    Path ids = Files.writeString(folder.resolve("ids"), "1, 403\n407\n");
    assertEquals(
        0, Program.run("logits", "-m", model, "-f", ids.toString(), "-o", file.toString()).code());
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Program.Result piped = Program.runInto(out, "1 403 407", "logits", model, "-f", "-", "-o", "-");
    assertEquals(0, piped.code(), piped.err());
    assertArrayEquals(Files.readAllBytes(file), out.toByteArray());
    assertEquals(3 * 512 * 4, out.size());
  }

  static float[] floats(byte[] bytes) {
    float[] values = new float[bytes.length / Float.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  /** The norm of the difference over that of the expected values. */
  static double relativeError(float[] found, float[] expected) {
    assertEquals(expected.length, found.length);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow(found[i] - (double) expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    return Math.sqrt(difference / norm);
  }
}
