package jllm.model;

import jllm.format.FeedForwardConfig;
import jllm.format.WeightNames;
import jllm.tensor.Activation;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import org.jspecify.annotations.Nullable;

/** Two linear layers with an activation between, or three with a gate (Shazeer 2020). */
final class DenseFeedForward implements FeedForward {
  private final Activation activation;
  private final @Nullable Tensor gate;
  private final @Nullable Tensor gateBias;
  private final Tensor up;
  private final @Nullable Tensor upBias;
  private final Tensor down;
  private final @Nullable Tensor downBias;

  DenseFeedForward(Weights weights, FeedForwardConfig config, int layer) {
    this.activation = config.activation();
    boolean bias = config.bias();
    String upName = WeightNames.block(layer, WeightNames.UP, "weight");
    boolean gateInUp =
        config.gated() && !weights.has(WeightNames.block(layer, WeightNames.GATE, "weight"));
    if (gateInUp) {
      Tensor[] parts = weights.split(upName, WeightUse.LINEAR, config.hidden(), config.hidden());
      this.gate = parts[0];
      this.up = parts[1];
      String upBiasName = WeightNames.block(layer, WeightNames.UP, "bias");
      @Nullable Tensor[] biases =
          bias
              ? weights.split(upBiasName, WeightUse.VECTOR, config.hidden(), config.hidden())
              : new @Nullable Tensor[2];
      this.gateBias = biases[0];
      this.upBias = biases[1];
    } else {
      this.gate = config.gated() ? weights.block(layer, WeightNames.GATE, WeightUse.LINEAR) : null;
      this.gateBias = weights.bias(layer, WeightNames.GATE, bias && config.gated());
      this.up = weights.take(upName, WeightUse.LINEAR);
      this.upBias = weights.bias(layer, WeightNames.UP, bias);
    }
    this.down = weights.block(layer, WeightNames.DOWN, WeightUse.LINEAR);
    this.downBias = weights.bias(layer, WeightNames.DOWN, bias);
  }

  @Override
  public Tensor forward(Exec exec, Tensor x, Batch batch) {
    Tensor raised = exec.linear(x, up, upBias);
    Tensor hidden =
        gate == null
            ? exec.activate(raised, activation)
            : exec.gated(exec.linear(x, gate, gateBias), raised, activation);
    return exec.linear(hidden, down, downBias);
  }
}
