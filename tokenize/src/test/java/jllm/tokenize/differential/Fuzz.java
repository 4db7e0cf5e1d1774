package jllm.tokenize.differential;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import jllm.tokenize.RandomText;
import jllm.tokenize.TokenizerFormatException;
import org.jspecify.annotations.Nullable;

/** Looks for differences with random pipelines: {@code Fuzz FIRST_SEED COUNT TEXTS}. */
final class Fuzz {

  private Fuzz() {}

  public static void main(String[] args) {
    long first = Long.parseLong(args[0]);
    int count = Integer.parseInt(args[1]);
    int texts = Integer.parseInt(args[2]);
    int most = args.length > 3 ? Integer.parseInt(args[3]) : 10;
    int found = 0;
    int refused = 0;
    for (long seed = first; seed < first + count && found < most; seed++) {
      RandomPipelines pipelines = new RandomPipelines(seed);
      Map<String, @Nullable Object> json = pipelines.next();
      String failure = null;
      try (var log = new java.io.PrintWriter("/tmp/fuzz.last." + ProcessHandle.current().pid())) {
        log.println(seed);
        log.println(Comparison.escape(Js.text(json).replaceAll("precompiled_charsmap\":\"[^\"]*\"", "MAP\"")));
      } catch (java.io.IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
      try {
        failure = run(json, pipelines.added, pipelines.ranges, seed, texts);
      } catch (TokenizerFormatException e) {
        System.out.println("seed " + seed + ": we refuse: " + e.getMessage());
      } catch (RuntimeException e) {
        if (e.getStackTrace()[0].isNativeMethod()) {
          refused++;
          if (refused < 5) System.out.println("seed " + seed + ": they refuse: " + e.getMessage());
          continue;
        }
        System.out.println("seed " + seed);
        e.printStackTrace(System.out);
        found++;
        continue;
      }
      if (failure == null) {
        continue;
      }
      found++;
      // Leaves out what the difference does not need.
      for (String part :
          List.of("added_tokens", "decoder", "post_processor", "normalizer", "pre_tokenizer")) {
        Map<String, @Nullable Object> simpler = new LinkedHashMap<>(json);
        simpler.put(part, part.equals("added_tokens") ? List.of() : null);
        try {
          String f = run(simpler, pipelines.added, pipelines.ranges, seed, texts);
          if (f != null) {
            failure = f;
            json = simpler;
          }
        } catch (RuntimeException e) {
          // Not simpler in that way.
        }
      }
      Map<String, @Nullable Object> shown = new LinkedHashMap<>(json);
      Map<Object, Object> m = new LinkedHashMap<>((Map<?, ?>) json.get("model"));
      m.remove("vocab");
      m.remove("merges");
      shown.put("model", m);
      System.out.println("=== seed " + seed + ": " + Comparison.escape(Js.text(shown)).replaceAll("precompiled_charsmap\":\"[^\"]*\"", "MAP\""));
      System.out.println(failure);
    }
    System.out.println("done to seed " + (first + count - 1) + ", found " + found + ", refused there " + refused);
  }

  static @Nullable String run(
      Map<String, @Nullable Object> json, List<String> added, boolean ranges, long seed, int texts) {
    String s = Js.text(json);
    try (Comparison c = new Comparison(s, ranges)) {
      if (!RandomPipelines.isSafe(c.ours())) {
        return null;
      }
      SplittableRandom random = new SplittableRandom(seed);
      for (int i = 0; i < texts; i++) {
        String text = text(random, added);
        boolean special = i % 3 == 0;
        String difference = c.difference(text, special);
        if (difference != null) {
          text = c.smallest(text, special);
          return Comparison.escape(text) + "\n  " + c.difference(text, special);
        }
      }
    }
    return null;
  }

  /** A random text with added tokens inside. */
  static String text(SplittableRandom random, List<String> added) {
    String text = UnicodeEight.only(new RandomText(random.nextLong()).next(20));
    List<String> parts = new ArrayList<>();
    parts.add(text);
    if (!added.isEmpty() && random.nextInt(3) > 0) {
      int n = random.nextInt(1, 4);
      StringBuilder b = new StringBuilder();
      int[] cps = text.codePoints().toArray();
      int at = 0;
      for (int i = 0; i < n; i++) {
        int to = random.nextInt(at, cps.length + 1);
        b.append(new String(cps, at, to - at)).append(added.get(random.nextInt(added.size())));
        at = to;
      }
      return b.append(new String(cps, at, cps.length - at)).toString();
    }
    return text;
  }
}
