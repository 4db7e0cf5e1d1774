package jllm.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class MeasurementTest {
  @Test
  void ratesAreAveragedNotTimes() {
    // 100 tokens in 1 s and in 2 s: 100/s and 50/s.
    Measurement measurement =
        new Measurement(new Workload.Prefill(100), new long[] {1_000_000_000L, 2_000_000_000L});
    assertEquals(75, measurement.tokensPerSecond(), 1e-9);
    assertEquals(Math.sqrt(2 * 25 * 25), measurement.deviation(), 1e-9);
  }

  @Test
  void oneRepetitionHasNoDeviation() {
    assertEquals(0, new Measurement(new Workload.Decode(1), new long[] {5}).deviation());
  }
}
