package jllm.e2e;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.model.Batch;
import jllm.model.Transformer;
import jllm.tensor.Activations;
import jllm.tensor.AdamWStep;
import jllm.tensor.AdamWWeights;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.grad.Parameters.Parameter;
import jllm.tokenize.shard.TokenShard;
import jllm.train.TrainedWeights;

/** The shortest training there is: batches in the order of a file, AdamW at a constant rate. */
final class ByteModelTraining implements AutoCloseable {
  private static final int SEQUENCES = 4;
  private static final int TOKENS = SEQUENCES * 64;
  private static final int EVALUATED_BATCHES = 5;

  private final Memory memory;
  private final Backend backend;
  private final Activations activations;
  private final int[] training;
  private final int[] validation;
  private final TrainedWeights weights;
  private final Transformer model;
  private final Exec exec;
  private final Batch batch = Batch.whole(TOKENS);
  private final List<AdamWWeights> optimized = new ArrayList<>();

  /** Zeros, which are finite: nothing is clipped. */
  private final Tensor totals;

  ByteModelTraining(Path folder, Backend backend, Activations activations) throws IOException {
    this.backend = backend;
    this.memory = backend.memory();
    this.activations = activations;
    this.training = tokens(folder.resolve("train.bin"));
    this.validation = tokens(folder.resolve("val.bin"));
    try (ModelFile file = ModelFiles.open(folder)) {
      weights = TrainedWeights.copy(file.weights(), DType.F32, backend);
    }
    model = Transformer.trainable(weights, backend, weights.parameters());
    exec = new Exec(backend);
    totals = memory.tensor(DType.F64, Shape.of(2));
    for (Parameter parameter : weights.parameters().all()) {
      Shape shape = parameter.weight().shape();
      Tensor first = memory.tensor(DType.F32, shape);
      Tensor second = memory.tensor(DType.F32, shape);
      optimized.add(
          new AdamWWeights(parameter.weight(), parameter.gradient(), first, second, null, 0));
    }
  }

  private static int[] tokens(Path path) throws IOException {
    try (TokenShard shard = TokenShard.open(path)) {
      int[] tokens = new int[shard.size()];
      shard.copy(0, tokens, 0, tokens.length);
      return tokens;
    }
  }

  /** Trains on batch {@code step} of the file; the mean loss before. */
  double step(int step) {
    exec.resetToTrain(weights.parameters(), activations);
    Tensor losses = losses(training, step);
    double loss = mean(losses);
    exec.seed(losses, 1f / TOKENS);
    exec.backward();
    AdamWStep adamW = new AdamWStep(1e-3f, 0.9f, 0.999f, 1e-8f, 0, step + 1, null);
    backend.training().adamW(optimized, adamW, totals);
    for (Parameter parameter : weights.parameters().all()) {
      backend.training().fill(parameter.gradient(), 0);
    }
    return loss;
  }

  /** The mean loss of the first batches of the validation data. */
  double evaluate() {
    double sum = 0;
    for (int i = 0; i < EVALUATED_BATCHES; i++) {
      exec.reset();
      sum += mean(losses(validation, i));
    }
    return sum / EVALUATED_BATCHES;
  }

  private Tensor losses(int[] tokens, int index) {
    int from = index * TOKENS;
    batch.fill(tokens, from, TOKENS, SEQUENCES).targets(tokens, from + 1);
    return model.losses(exec, model.hidden(exec, batch), batch);
  }

  private double mean(Tensor computed) {
    Tensor losses = exec.onHost(computed);
    double sum = 0;
    for (int row = 0; row < TOKENS; row++) {
      sum += losses.segment().getAtIndex(ValueLayout.JAVA_FLOAT, row);
    }
    return sum / TOKENS;
  }

  @Override
  public void close() {
    batch.close();
    exec.close();
    model.close();
    weights.close();
    memory.close();
  }
}
