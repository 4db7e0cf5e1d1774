package jllm.model;

import jllm.format.FeedForwardConfig;
import jllm.format.WeightNames;
import jllm.tensor.Activation;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Two linear layers with an activation between, or three with a gate (Shazeer 2020). */
final class DenseFeedForward implements FeedForward {
  private final Activation activation;
  private final @Nullable Linear gate;
  private final Linear up;
  private final Linear down;

  DenseFeedForward(Weights weights, FeedForwardConfig config, int layer) {
    this.activation = config.activation();
    boolean bias = config.bias();
    boolean gateInUp =
        config.gated() && !weights.has(WeightNames.block(layer, WeightNames.GATE, "weight"));
    if (gateInUp) {
      Linear[] parts =
          weights.linears(layer, WeightNames.UP, bias, config.hidden(), config.hidden());
      this.gate = parts[0];
      this.up = parts[1];
    } else {
      this.gate = config.gated() ? weights.linear(layer, WeightNames.GATE, bias) : null;
      this.up = weights.linear(layer, WeightNames.UP, bias);
    }
    this.down = weights.linear(layer, WeightNames.DOWN, bias);
  }

  @Override
  public Tensor forward(Exec exec, Tensor x, Batch batch) {
    return down.forward(exec, hidden(exec, x, batch), batch);
  }

  @Override
  public @Nullable Tensor addTo(Exec exec, Tensor residual, Tensor x, Batch batch) {
    return down.addTo(exec, residual, hidden(exec, x, batch), batch);
  }

  private Tensor hidden(Exec exec, Tensor x, Batch batch) {
    if (gate == null) {
      Tensor together =
          up.changes().isEmpty()
              ? exec.activatedLinear(x, up.weight(), up.bias(), activation)
              : null;
      if (together != null) {
        return together;
      }
      Tensor raised = up.forward(exec, x, batch);
      return exec.activate(raised, activation, exec.operandType(raised));
    }
    if (gate.changes().isEmpty() && up.changes().isEmpty()) {
      Tensor together =
          exec.gatedLinear(x, gate.weight(), gate.bias(), up.weight(), up.bias(), activation);
      if (together != null) {
        return together;
      }
    }
    // Products alone read the result; what adapters add to is rounded in training alone.
    DType operand = exec.operandType(x.rows(), up.weight().dim(0));
    boolean plain = gate.changes().isEmpty() && up.changes().isEmpty();
    DType inner = plain || exec.isTraining() ? operand : exec.backend().activationType();
    Tensor raised = up.forward(exec, x, batch, inner);
    return exec.gated(gate.forward(exec, x, batch, inner), raised, activation, operand);
  }
}
