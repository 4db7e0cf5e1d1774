package jllm.tokenize.corpus;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import jllm.tokenize.split.Cl100kSplitter;
import jllm.tokenize.split.DeepSeekSplitter;
import jllm.tokenize.split.Gpt2Splitter;
import jllm.tokenize.split.O200kSplitter;
import jllm.tokenize.split.Splitter;
import org.junit.jupiter.api.Test;

class CutRuleTest {
  private static final List<Splitter> SPLITTERS =
      List.of(
          new Gpt2Splitter(),
          new Cl100kSplitter(3),
          new Cl100kSplitter(1),
          new O200kSplitter(3, true),
          new O200kSplitter(1, false),
          new DeepSeekSplitter());

  private static final String[] PARTS = {
    " ",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\n\n",
    "\t",
    "a",
    "B",
    "xyz",
    "Word",
    "'s",
    "'",
    "'LL",
    "\u2019",
    "1",
    "123456",
    ".",
    ",",
    "...",
    "/",
    "(",
    "-",
    "_",
    "\u3002",
    "\u4e2d\u6587",
    "\u3042",
    "\u00e9",
    "e\u0301",
    "\u0301",
    "\u00a0",
    "\u3000",
    "\u2028",
    "\ud83d\ude00",
    "\u200d",
    "\u00b2",
    "\u0660",
    "$",
    "+",
    "\u0000",
    "\u01c5",
    "\u02b0",
    "\u0e01\u0e33"
  };

  @Test
  void cuttingAtAPlaceOfTheRuleChangesNoPiece() {
    int cuts = 0;
    for (int round = 0; round < 20_000; round++) {
      Random random = new Random(round);
      StringBuilder b = new StringBuilder();
      int n = 2 + random.nextInt(14);
      for (int i = 0; i < n; i++) {
        b.append(PARTS[random.nextInt(PARTS.length)]);
      }
      byte[] text = b.toString().getBytes(UTF_8);
      int to = text.length;
      while (true) {
        int cut = CutRule.WORDS.last(text, 0, to);
        if (cut < 0) {
          break;
        }
        cuts++;
        for (Splitter splitter : SPLITTERS) {
          List<Integer> whole = ends(splitter, text, 0, text.length);
          List<Integer> parts = ends(splitter, text, 0, cut);
          parts.addAll(ends(splitter, text, cut, text.length));
          assertEquals(whole, parts, () -> splitter + " seed of '" + b + "'");
        }
        to = cut;
      }
    }
    assertTrue(cuts > 10_000, "cuts: " + cuts);
  }

  /** Pieces of a range that is a text of its own. */
  private static List<Integer> ends(Splitter splitter, byte[] text, int from, int to) {
    byte[] own = Arrays.copyOfRange(text, from, to);
    List<Integer> ends = new ArrayList<>();
    int at = 0;
    while (at < own.length) {
      at = splitter.next(own, at, own.length);
      ends.add(from + at);
    }
    return ends;
  }

  @Test
  void batchesHoldEveryDocumentInOrder() {
    for (int round = 0; round < 300; round++) {
      Random random = new Random(round);
      List<String> documents = new ArrayList<>();
      int n = random.nextInt(20);
      for (int i = 0; i < n; i++) {
        StringBuilder b = new StringBuilder();
        int length = random.nextInt(4) == 0 ? random.nextInt(400) : random.nextInt(12);
        for (int k = 0; k < length; k++) {
          b.append(PARTS[random.nextInt(random.nextBoolean() ? PARTS.length : 10)]);
        }
        documents.add(b.toString());
      }
      int size = 1 + random.nextInt(100);
      CutRule rule = random.nextInt(4) == 0 ? CutRule.NEVER : CutRule.WORDS;
      List<String> found = new ArrayList<>();
      StringBuilder open = new StringBuilder();
      Batcher batcher =
          new Batcher(
              rule,
              size,
              batch -> {
                assertTrue(batch.count() > 0);
                for (int i = 0; i < batch.count(); i++) {
                  int from = batch.start(i);
                  open.append(new String(batch.text(), from, batch.ends()[i] - from, UTF_8));
                  if (batch.lasts()[i]) {
                    found.add(open.toString());
                    open.setLength(0);
                  }
                }
              });
      for (String document : documents) {
        feed(batcher, document, random);
      }
      batcher.finish();
      assertEquals(documents, found, "seed " + round);
    }
  }

  private static void feed(Batcher batcher, String document, Random random) {
    int at = 0;
    boolean first = true;
    while (random.nextInt(3) > 0 && at < document.length()) {
      int next = document.offsetByCodePoints(at, 1);
      while (next < document.length() && random.nextInt(30) > 0) {
        next = document.offsetByCodePoints(next, 1);
      }
      batcher.add(new Chunk(document.substring(at, next).getBytes(UTF_8), first, false, 0));
      first = false;
      at = next;
    }
    batcher.add(new Chunk(document.substring(at).getBytes(UTF_8), first, true, 0));
  }
}
