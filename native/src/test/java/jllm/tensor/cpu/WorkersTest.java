package jllm.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkersTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5})
  void everyPartOfEveryTaskRunsOnce(int count) {
    try (Workers workers = new Workers(count)) {
      AtomicIntegerArray runs = new AtomicIntegerArray(count);
      for (int i = 1; i <= 2000; i++) {
        workers.run((part, parts) -> {
          assertEquals(count, parts);
          runs.incrementAndGet(part);
        });
        for (int part = 0; part < count; part++) {
          assertEquals(i, runs.get(part), "after task " + i);
        }
      }
    }
  }

  @Test
  void partsRunAtTheSameTime() {
    try (Workers workers = new Workers(3)) {
      CountDownLatch all = new CountDownLatch(3);
      workers.run((part, parts) -> {
        all.countDown();
        try {
          all.await();
        } catch (InterruptedException e) {
          throw new AssertionError(e);
        }
      });
      assertEquals(0, all.getCount());
    }
  }

  @Test
  void usesExactlyTheThreadsAskedFor() {
    Set<Thread> seen = ConcurrentHashMap.newKeySet();
    try (Workers workers = new Workers(3)) {
      for (int i = 0; i < 100; i++) {
        workers.run((part, parts) -> seen.add(Thread.currentThread()));
      }
      assertEquals(3, seen.size());
    }
    seen.remove(Thread.currentThread());
    assertEquals(2, seen.size());
    seen.forEach(thread -> assertFalse(thread.isAlive(), "alive after close"));
  }

  @Test
  void oneThreadIsTheCaller() {
    try (Workers workers = new Workers(1)) {
      Thread[] ran = new Thread[1];
      workers.run((part, parts) -> ran[0] = Thread.currentThread());
      assertSame(Thread.currentThread(), ran[0]);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void whatAPartThrowsReachesTheCallerAndTheTeamGoesOn(int failing) {
    try (Workers workers = new Workers(3)) {
      ArithmeticException thrown = new ArithmeticException("part " + failing);
      Workers.Task bad =
          (part, parts) -> {
            if (part == failing) {
              throw thrown;
            }
          };
      assertSame(thrown, assertThrows(ArithmeticException.class, () -> workers.run(bad)));
      everyPartRuns(workers);
    }
  }

  @Test
  void sleepingThreadsWakeUp() throws InterruptedException {
    try (Workers workers = new Workers(2)) {
      Thread[] ran = new Thread[2];
      workers.run((part, parts) -> ran[part] = Thread.currentThread());
      while (ran[1].getState() != Thread.State.WAITING) {
        Thread.onSpinWait();
      }
      everyPartRuns(workers);
      // An interrupt of a sleeping thread must neither end it nor keep it awake.
      ran[1].interrupt();
      while (ran[1].getState() != Thread.State.WAITING || ran[1].isInterrupted()) {
        Thread.onSpinWait();
      }
      everyPartRuns(workers);
    }
  }

  @Test
  void refusesNestedWorkAndWorkAfterClose() {
    Workers workers = new Workers(2);
    assertThrows(
        IllegalStateException.class,
        () -> workers.run((part, parts) -> workers.run((inner, inners) -> {})));
    workers.close();
    workers.close();
    assertThrows(IllegalStateException.class, () -> workers.run((part, parts) -> {}));
    assertThrows(IllegalArgumentException.class, () -> new Workers(0));
  }

  @Test
  void sharesCoverAllUnits() {
    for (int units : new int[] {0, 1, 7, 64, Integer.MAX_VALUE}) {
      for (int parts = 1; parts <= 9; parts++) {
        assertEquals(0, Workers.share(units, 0, parts));
        assertEquals(units, Workers.share(units, parts, parts));
        for (int part = 0; part < parts; part++) {
          int size = Workers.share(units, part + 1, parts) - Workers.share(units, part, parts);
          assertEquals(units / parts, size, 1.0);
        }
      }
    }
  }

  private static void everyPartRuns(Workers workers) {
    AtomicIntegerArray runs = new AtomicIntegerArray(workers.count());
    workers.run((part, parts) -> runs.incrementAndGet(part));
    for (int part = 0; part < workers.count(); part++) {
      assertEquals(1, runs.get(part));
    }
  }
}
