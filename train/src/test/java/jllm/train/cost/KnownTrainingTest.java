package jllm.train.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Years on a machine of 100 GFLOP/s, as courses print them: rounded to three digits. */
class KnownTrainingTest {
  @ParameterizedTest
  @CsvSource({
    "gpt-1, 13",
    "GPT-2, 1600",
    "gpt3, 99900",
    "palm, 801000",
    "llama-2, 266000",
    "Llama 2, 266000"
  })
  void yearsAreThePublishedOnes(String name, double years) {
    double found = KnownTraining.named(name).orElseThrow().cost().years(100e9);
    double digits = years < 100 ? 1 : Math.pow(10, Math.floor(Math.log10(years)) - 2);
    assertEquals(years, Math.round(found / digits) * digits);
  }

  @ParameterizedTest
  @CsvSource({"gpt", "gpt-4", "''"})
  void othersAreUnknown(String name) {
    assertTrue(KnownTraining.named(name).isEmpty());
  }
}
