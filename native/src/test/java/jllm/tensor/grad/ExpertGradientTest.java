package jllm.tensor.grad;

import jllm.tensor.RouterBalance;
import jllm.tensor.Routing;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Layers of experts, step by step, with a fixed choice of 2 of 4 for each of 3 tokens. */
class ExpertGradientTest {
  private static final int TOKENS = 3;
  private static final int USED = 2;
  private static final int EXPERTS = 4;

  private final GradientCheck check = new GradientCheck();
  private final Tensor chosen = check.ids(TOKENS, 2, 0, 0, 3, 3, 1);

  @AfterEach
  void close() {
    check.close();
  }

  @ParameterizedTest
  @CsvSource({"true, 1", "false, 1", "true, 2.5", "false, 2.5"})
  void routingWeights(boolean renormalize, float scale) {
    int logits = check.input(TOKENS, EXPERTS);
    Routing routing = new Routing(USED, renormalize, scale);
    check.check(e -> e.routingWeights(check.get(e, logits), chosen, routing));
  }

  @Test
  void expertLinearOfTokens() {
    int x = check.input(TOKENS, 7);
    Tensor w = check.weight(EXPERTS, 5, 7);
    check.check(e -> e.expertLinear(check.get(e, x), w, chosen));
  }

  @Test
  void expertLinearOfChoices() {
    int x = check.input(TOKENS * USED, 7);
    Tensor w = check.weight(EXPERTS, 5, 7);
    check.check(e -> e.expertLinear(check.get(e, x), w, chosen));
  }

  @Test
  void expertLinearWithFrozenWeights() {
    int x = check.input(TOKENS, 7);
    Tensor w = check.random(EXPERTS, 5, 7);
    check.check(e -> e.expertLinear(check.get(e, x), w, chosen));
  }

  @Test
  void expertLinearOfFrozenInput() {
    Tensor x = check.random(TOKENS, 7);
    Tensor w = check.weight(EXPERTS, 5, 7);
    check.check(e -> e.expertLinear(x, w, chosen));
  }

  @Test
  void combineExperts() {
    int x = check.input(TOKENS * USED, 5);
    int weights = check.input(TOKENS, USED);
    check.check(e -> e.combineExperts(check.get(e, x), check.get(e, weights)));
  }

  /** Two layers count into the same sums. */
  @Test
  void balanceLoss() {
    int first = check.input(TOKENS, EXPERTS);
    int second = check.input(TOKENS, EXPERTS);
    Tensor others = check.ids(TOKENS, 1, 0, 1, 2, 1, 3);
    check.check(e -> {
      RouterBalance balance = e.routerBalance(EXPERTS, 2 * TOKENS);
      e.countRouting(balance, check.get(e, first), chosen);
      e.countRouting(balance, check.get(e, second), others);
      return e.balanceLoss(balance);
    });
  }
}
