package jllm.quantize;

import java.io.IOException;

/** Is told how far a quantization is, from the thread that runs it. */
@FunctionalInterface
public interface QuantizationListener {
  void onTensor(TensorResult result) throws IOException;
}
