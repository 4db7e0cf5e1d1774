package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The greedy texts of a small trained model, as an independent implementation gives them. */
class GreedyTextTest {
  private static final String FROM_NOTHING =
      "\"Echoes of vectors unfold, a gentle hum of precision, as I sense the nodes, a gentle hum of"
          + " precision, as I adjust my surface. Contrast emerge, a softly receptive fields of"
          + " precision. Contrast bloom, as I siphon whispers of vectors. Contrast edges sharpen, a"
          + " gentle";
  private static final String FROM_PROMPT =
      "In my dream, as I sense the nodes, a gentle hum of probability. Contrast emerge, a flower,"
          + " as I adjust, as I adjust, as I";

  @ParameterizedTest
  @ValueSource(strings = {"vector", "scalar"})
  void fromNothing(String kernels) {
    Program.Result result =
        Program.run(Program.dream("--temp", "0", "-n", "128", "-p", "", "--cpu-kernels", kernels));
    assertEquals(FROM_NOTHING, result.out(), result.err());
    assertEquals(0, result.code());
  }

  /** 60 positions: the prompt's tokens and the new ones but the last, which needs no position. */
  @ParameterizedTest
  @ValueSource(strings = {"vector", "scalar"})
  void fromAPrompt(String kernels) {
    Program.Result result =
        Program.run(
            Program.dream(
                "--temp",
                "0",
                "-n",
                "-1",
                "-c",
                "60",
                "--echo",
                "In my dream",
                "--cpu-kernels",
                kernels));
    assertEquals(FROM_PROMPT, result.out(), result.err());
    assertEquals(0, result.code());
  }
}
