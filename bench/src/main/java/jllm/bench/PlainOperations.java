package jllm.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import jllm.tensor.Activation;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Backend;
import jllm.tensor.FusedOperations;
import jllm.tensor.RopePairing;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** What another backend does together, one by one on a backend of the host: to compare with. */
record PlainOperations(Backend backend) implements FusedOperations {
  @Override
  public boolean linears(Tensor[] outs, Tensor x, Tensor[] ws, @Nullable Tensor[] biases) {
    for (int i = 0; i < ws.length; i++) {
      backend.linear(outs[i], x, ws[i], biases[i]);
    }
    return true;
  }

  @Override
  public boolean addLinear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor product = like(out, arena);
      backend.linear(product, x, w, bias);
      backend.add(out, out, product);
    }
    return true;
  }

  @Override
  public boolean gatedLinear(
      Tensor out,
      Tensor x,
      Tensor gate,
      @Nullable Tensor gateBias,
      Tensor up,
      @Nullable Tensor upBias,
      Activation activation) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor gates = like(out, arena);
      Tensor raised = like(out, arena);
      backend.linear(gates, x, gate, gateBias);
      backend.linear(raised, x, up, upBias);
      backend.gated(out, gates, raised, activation);
    }
    return true;
  }

  @Override
  public boolean store(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor keys,
      Tensor values,
      @Nullable Tensor rotations,
      int headDim,
      RopePairing pairing,
      int row,
      @Nullable Tensor at) {
    int first = place(row, at);
    try (Arena arena = Arena.ofConfined()) {
      Tensor turned = like(k, arena);
      turn(out, q, rotations, headDim, pairing);
      turn(turned, k, rotations, headDim, pairing);
      backend.copyRows(keys, first, turned);
      backend.copyRows(values, first, v);
    }
    return true;
  }

  private void turn(
      Tensor out, Tensor x, @Nullable Tensor rotations, int headDim, RopePairing pairing) {
    if (rotations == null) {
      backend.copyRows(out, 0, x);
    } else {
      backend.rope(out, x, rotations, headDim, pairing);
    }
  }

  @Override
  public boolean attention(
      Tensor out,
      Tensor q,
      Tensor keys,
      Tensor values,
      AttentionSpec spec,
      int past,
      @Nullable Tensor at) {
    backend.attention(out, q, keys, values, spec, 1, place(past, at));
    return true;
  }

  private static int place(int row, @Nullable Tensor at) {
    return at == null ? row : at.segment().get(ValueLayout.JAVA_INT, 0);
  }

  private static Tensor like(Tensor tensor, Arena arena) {
    return Tensor.allocate(arena, tensor.dtype(), tensor.shape());
  }
}
