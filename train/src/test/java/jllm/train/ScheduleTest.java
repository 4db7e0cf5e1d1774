package jllm.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import jllm.train.ScheduleOptions.Kind;
import org.junit.jupiter.api.Test;

final class ScheduleTest {
  private static Schedule schedule(Kind kind) {
    return new Schedule(new ScheduleOptions(kind, 1, 0.1, 10, 0.25), 110);
  }

  @Test
  void ratesRiseLinearlyAtFirst() {
    for (Kind kind : Kind.values()) {
      assertEquals(1 / 11.0, schedule(kind).rate(0), 1e-12, kind.name());
      assertEquals(10 / 11.0, schedule(kind).rate(9), 1e-12, kind.name());
      assertEquals(1, schedule(kind).rate(10), 1e-12, kind.name());
    }
  }

  @Test
  void constantStaysLinearAndCosineFall() {
    assertEquals(1, schedule(Kind.CONSTANT).rate(109));
    assertEquals(0.55, schedule(Kind.LINEAR).rate(60), 1e-12);
    assertEquals(0.1, schedule(Kind.LINEAR).rate(110), 1e-12);
    assertEquals(0.55, schedule(Kind.COSINE).rate(60), 1e-12);
    assertEquals(0.1 + 0.9 * (1 + Math.sqrt(0.5)) / 2, schedule(Kind.COSINE).rate(35), 1e-12);
    assertEquals(0.1, schedule(Kind.COSINE).rate(1000), 1e-12);
  }

  @Test
  void wsdFallsInTheLastPartAlone() {
    Schedule wsd = schedule(Kind.WSD);
    assertEquals(1, wsd.rate(82));
    assertEquals(0.55, wsd.rate(110) + (wsd.rate(82) - wsd.rate(110)) * 0.5, 1e-12);
    assertEquals(0.1 + 0.9 * 10 / 27.5, wsd.rate(100), 1e-12);
    assertEquals(0.1, wsd.rate(110), 1e-12);
  }

  @Test
  void impossibleSettingsAreRefused() {
    assertThrows(SettingsException.class, () -> ScheduleOptions.constant(0));
    assertThrows(
        SettingsException.class, () -> new ScheduleOptions(Kind.COSINE, 1e-3, 1e-2, 0, 0.2));
    assertThrows(SettingsException.class, () -> BatchOptions.ofTotalTokens(4, 64, 1000));
    assertEquals(4, BatchOptions.ofTotalTokens(4, 64, 1024).accumulation());
  }
}
