package jllm.tokenize.differential;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Random pipelines of all components with all options against Hugging Face's library: see {@link
 * RandomPipelines}. Others than the usual: {@code -Djllm.test.pipelines=N}, {@code
 * -Djllm.test.seed=FIRST}.
 */
class ComponentsTest {

  private static final int PIPELINES = Integer.getInteger("jllm.test.pipelines", 250);
  private static final long FIRST = Long.getLong("jllm.test.seed", 1);
  private static final int TEXTS = 20;

  @Test
  void randomPipelinesGiveTheSame() {
    Reference.load();
    int compared = 0;
    for (long seed = FIRST; seed < FIRST + PIPELINES; seed++) {
      RandomPipelines pipelines = new RandomPipelines(seed);
      Map<String, @Nullable Object> json = pipelines.next();
      String text = Js.text(json);
      if (!Reference.accepts(text)) {
        continue;
      }
      try (Comparison comparison = new Comparison(text, pipelines.ranges)) {
        if (RandomPipelines.isSafe(comparison.ours())) {
          compare(comparison, pipelines, seed, json);
          compared++;
        }
      }
    }
    assertTrue(compared > PIPELINES / 2, "too many pipelines are refused");
  }

  private static void compare(
      Comparison comparison,
      RandomPipelines pipelines,
      long seed,
      Map<String, @Nullable Object> json) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < TEXTS; i++) {
      String text = RandomPipelines.text(random, pipelines.added);
      boolean addSpecial = i % 3 == 0;
      if (comparison.difference(text, addSpecial) != null) {
        String smallest = comparison.smallest(text, addSpecial);
        json.remove("model");
        assertNull(
            comparison.difference(smallest, addSpecial),
            "seed " + seed + ", " + Comparison.escape(smallest) + ", " + Js.text(json));
      }
    }
  }
}
