package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code jllm bench-train}. */
class BenchTrainTest {
  private static Run bench(String options) {
    return Run.of(("bench-train --vocab-size 11 --warm-up 0 -r 2 -t 2 " + options).split(" +"));
  }

  @Test
  void aLineForEachCombination() {
    Run run =
        bench(
            "--n-layer 1 --n-head 2 --d-model 8 --context 16 --batch-size 1,2 --seq-len 4,8 --width"
                + " 8,16");
    assertEquals(ExitCode.OK, run.code(), run.err());
    List<String> lines = run.out().lines().toList();
    assertEquals(2 + 8, lines.size(), run.out());
    assertTrue(lines.getFirst().matches("\\|.*forward.*backward.*optimizer.*of peak.*"), run.out());
    assertTrue(lines.get(9).matches("\\| +16 \\| +\\S+ M \\| +\\| +2 \\| +8 \\|.*"), run.out());
    assertTrue(run.err().contains("measured peak"), run.err());
  }

  @Test
  void adaptersBesideAllWeights() {
    Run run =
        bench(
            "--n-layer 2 --n-head 2 --d-model 32 --context 8 --batch-size 2 --lora-rank 4"
                + " --frozen-type q8_0");
    assertEquals(ExitCode.OK, run.code(), run.err());
    List<String> lines = run.out().lines().toList();
    assertTrue(lines.get(2).matches("\\| +32 \\| +\\S+ M \\| +\\|.*"), run.out());
    assertTrue(lines.get(3).matches("\\| +32 \\| +\\S+ M \\| +rank 4 \\|.*"), run.out());
    assertTrue(
        lines
            .getLast()
            .matches("An adapter of rank 4 over q8_0: \\S+ times the tokens/s of all weights."),
        run.out());
  }

  @Test
  void adaptersAlone() {
    Run run =
        bench(
            "--n-layer 1 --n-head 2 --d-model 32 --context 8 --batch-size 2 --lora-rank 4"
                + " --lora-only --frozen-type q8_0");
    assertEquals(ExitCode.OK, run.code(), run.err());
    List<String> lines = run.out().lines().toList();
    assertEquals(3, lines.size(), run.out());
    assertTrue(lines.get(2).matches("\\| +32 \\| +\\S+ M \\| +rank 4 \\|.*"), run.out());
  }

  @Test
  void theLargestBatchHasNoMoreTokensThanMakeSense() {
    Run run = bench("--n-layer 1 --n-head 1 --d-model 2 --context 1000 --batch-size max");
    assertEquals(ExitCode.OK, run.code(), run.err());
    assertTrue(
        run.out()
            .lines()
            .toList()
            .get(2)
            .matches("\\| +2 \\| +\\S+ M \\| +\\| +262 \\| +1000 \\|.*"),
        run.out());
  }

  @Test
  void profileOfAStep() {
    Run run =
        bench(
            "--n-layer 2 --n-head 2 --d-model 32 --context 8 --batch-size 2 --lora-rank 4"
                + " --profile");
    assertEquals(ExitCode.OK, run.code(), run.err());
    List<String> lines = run.out().lines().toList();
    assertTrue(lines.getFirst().startsWith("| step of 2 x 8: operation"), run.out());
    assertTrue(run.out().contains("\n| adapter step of 2 x 8: operation"), run.out());
    assertTrue(run.out().contains("| adamW "), run.out());
    assertTrue(run.err().contains("limits:"), run.err());
  }

  @Test
  void resultsForPrograms() {
    Run run = bench("--preset nano --seq-len 8 --json -q");
    assertEquals(ExitCode.OK, run.code(), run.err());
    assertTrue(
        run.out()
            .matches("(?s)\\s*\\[\\s*\\{.*\"optimizer_seconds\" ?: ?[0-9.E-]+.*\\}\\s*\\]\\s*"),
        run.out());
    assertEquals("", run.err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "--preset nano --seq-len 65; 64",
        "--preset nano --batch-size 0; batch size is 0",
        "--preset nano --width 129; 129",
        "--preset none; there is no preset none",
        "--preset nano --lora-rank 0; a rank of 0",
        "--preset nano --lora-rank 4 --frozen-type q9; unknown element type 'q9'",
        "--preset nano --batch-size many; expected a number or max",
        "--preset nano --lora-only; needs --lora-rank",
        "--init-from m.gguf; leave out --init-from",
        "--preset gpt2-xl --batch-size 1000000; of memory",
      })
  void refusesWhatCannotBeMeasured(String options, String message) {
    Run run = bench(options);
    assertTrue(run.code() == ExitCode.USAGE || run.code() == ExitCode.RESOURCES, run.err());
    assertTrue(run.err().contains(message), run.err());
  }
}
