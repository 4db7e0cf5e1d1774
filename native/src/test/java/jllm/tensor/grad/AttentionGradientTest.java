package jllm.tensor.grad;

import jllm.tensor.AttentionSpec;
import jllm.tensor.Dropout;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Attention over two sequences of five positions. */
class AttentionGradientTest {
  private static final int SEQUENCES = 2;
  private static final int ROWS = SEQUENCES * 5;
  private static final int HEAD_DIM = 3;
  private static final Dropout DROPOUT = new Dropout(0.3f, 7);

  private final GradientCheck check = new GradientCheck();

  @AfterEach
  void close() {
    check.close();
  }

  private void check(int heads, int kvHeads, TrainingAttention attention) {
    int q = check.input(ROWS, heads * HEAD_DIM);
    int k = check.input(ROWS, kvHeads * HEAD_DIM);
    int v = check.input(ROWS, kvHeads * HEAD_DIM);
    check.check(e -> e.attention(check.get(e, q), check.get(e, k), check.get(e, v), attention));
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 0,   0, true",
    "1, 1, 0,   0, false",
    "4, 2, 0,   0, true",
    "3, 1, 0,   0, false",
    "2, 2, 3,   0, true",
    "2, 1, 1,   0, true",
    "2, 1, 0, 1.5, true",
    "2, 1, 0, 1.5, false",
    "4, 2, 2, 1.5, true",
  })
  void plain(int heads, int kvHeads, int window, float softCap, boolean causal) {
    AttentionSpec spec = new AttentionSpec(heads, kvHeads, HEAD_DIM, 0.6f, softCap, window, causal);
    if (window == 1) {
      // A weight of 1 for the position itself: queries and keys have no influence.
      int v = check.input(ROWS, kvHeads * HEAD_DIM);
      Tensor q = check.random(ROWS, heads * HEAD_DIM);
      Tensor k = check.random(ROWS, kvHeads * HEAD_DIM);
      TrainingAttention attention = new TrainingAttention(spec, SEQUENCES, null, null);
      check.check(e -> e.attention(q, k, check.get(e, v), attention));
    } else {
      check(heads, kvHeads, new TrainingAttention(spec, SEQUENCES, null, null));
    }
  }

  private Tensor documents() {
    return check.ids(1, 0, 0, 2, 2, 2, 0, 1, 1, 1, 4);
  }

  @Test
  void documentsDoNotSeeEachOther() {
    AttentionSpec spec = new AttentionSpec(4, 2, HEAD_DIM, 0.6f, 0, 0, true);
    check(4, 2, new TrainingAttention(spec, SEQUENCES, documents(), null));
  }

  @Test
  void dropout() {
    AttentionSpec spec = new AttentionSpec(4, 2, HEAD_DIM, 0.6f, 0, 0, true);
    check(4, 2, new TrainingAttention(spec, SEQUENCES, null, DROPOUT));
  }

  @Test
  void dropoutOfAllPositions() {
    AttentionSpec spec = new AttentionSpec(2, 1, HEAD_DIM, 0.6f, 0, 0, false);
    check(2, 1, new TrainingAttention(spec, SEQUENCES, null, DROPOUT));
  }

  @Test
  void everythingAtOnce() {
    AttentionSpec spec = new AttentionSpec(4, 2, HEAD_DIM, 0.6f, 1.5f, 3, true);
    check(4, 2, new TrainingAttention(spec, SEQUENCES, documents(), DROPOUT));
  }
}
