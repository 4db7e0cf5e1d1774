package jllm.model;

import jllm.format.FeedForwardConfig;
import jllm.format.WeightNames;
import jllm.tensor.Activation;
import jllm.tensor.Exec;
import jllm.tensor.RouterBalance;
import jllm.tensor.Routing;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;

/** A sparse mixture of gated feed-forward experts (Jiang et al. 2024, section 2.1). */
final class ExpertFeedForward implements FeedForward {
  private final Activation activation;
  private final Routing routing;
  private final Tensor router;
  private final Tensor gate;
  private final Tensor up;
  private final Tensor down;

  ExpertFeedForward(Weights weights, FeedForwardConfig config, Routing routing, int layer) {
    this.activation = config.activation();
    this.routing = routing;
    this.router = weights.block(layer, WeightNames.ROUTER, WeightUse.LINEAR);
    this.gate = weights.block(layer, WeightNames.EXPERT_GATE, WeightUse.EXPERTS);
    this.up = weights.block(layer, WeightNames.EXPERT_UP, WeightUse.EXPERTS);
    this.down = weights.block(layer, WeightNames.EXPERT_DOWN, WeightUse.EXPERTS);
  }

  @Override
  public Tensor forward(Exec exec, Tensor x, Batch batch) {
    Tensor logits = exec.linear(x, router, null);
    Tensor experts = exec.topK(logits, routing.used());
    RouterBalance balance = batch.balance();
    if (balance != null) {
      exec.countRouting(balance, logits, experts);
    }
    Tensor shares = exec.routingWeights(logits, experts, routing);
    Tensor gates = exec.expertLinear(x, gate, experts);
    Tensor raised = exec.expertLinear(x, up, experts);
    Tensor hidden = exec.gated(gates, raised, activation);
    return exec.combineExperts(exec.expertLinear(hidden, down, experts), shares);
  }
}
