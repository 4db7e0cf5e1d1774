package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import jllm.format.ModelFile;
import jllm.format.WeightSource;
import jllm.format.model.ModelArchitectures;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tokenize.Tokenizer;
import jllm.train.AdapterOptions;
import jllm.train.Checkpoint;
import jllm.train.GgufExport;
import jllm.train.ModelFolder;
import jllm.train.TrainOptions;
import jllm.train.TrainedAdapter;
import jllm.train.TrainedTensors;
import jllm.train.TrainedWeights;
import org.jspecify.annotations.Nullable;

/** What is made of a model by training: an adapter of it, or another model. */
sealed interface Tuning {

  /**
   * What is trained, as it is at the beginning or in a checkpoint.
   *
   * @throws OutOfMemoryError if there is no room for it
   */
  TrainedTensors open(@Nullable Checkpoint checkpoint, Backend backend) throws IOException;

  /** What is trained, in one line. */
  String describe(TrainedTensors tensors);

  /**
   * Writes the result.
   *
   * @param tensors of {@link #open}
   * @param folder that it goes into
   * @param gguf file of the same for llama.cpp, absent if it is not wanted
   * @return what the file cannot say, one sentence each
   */
  List<String> write(TrainedTensors tensors, Path folder, @Nullable Path gguf) throws IOException;

  /** An adapter. */
  record OfAdapter(ModelFile base, AdapterOptions wanted, TrainOptions options) implements Tuning {
    @Override
    public TrainedTensors open(@Nullable Checkpoint checkpoint, Backend backend)
        throws IOException {
      return checkpoint == null
          ? TrainedAdapter.random(base, wanted, options.weightType(), options.seed(), backend)
          : checkpoint.adapter(base, wanted, backend);
    }

    @Override
    public String describe(TrainedTensors tensors) {
      TrainedAdapter adapter = (TrainedAdapter) tensors;
      return "adapter     rank %d, alpha %s, %,d numbers in %s"
          .formatted(
              wanted.rank(), wanted.alpha(), adapter.size(), String.join(", ", adapter.targets()));
    }

    @Override
    public List<String> write(TrainedTensors tensors, Path folder, @Nullable Path gguf)
        throws IOException {
      TrainedAdapter adapter = (TrainedAdapter) tensors;
      adapter.write(folder);
      if (gguf != null) {
        adapter.writeGguf(gguf);
      }
      return List.of();
    }
  }

  /** All weights of a model. */
  record OfModel(
      ModelFile base, Tokenizer tokenizer, @Nullable String chatTemplate, TrainOptions options)
      implements Tuning {

    @Override
    public TrainedTensors open(@Nullable Checkpoint checkpoint, Backend backend)
        throws IOException {
      return checkpoint == null
          ? TrainedWeights.copy(base.weights(), options.weightType(), backend)
          : checkpoint.weights(backend);
    }

    @Override
    public String describe(TrainedTensors tensors) {
      WeightSource weights = base.weights();
      boolean quantized =
          ModelArchitectures.weights(base.config()).keySet().stream()
              .anyMatch(name -> weights.has(name) && weights.dtype(name).blockLength() > 1);
      return "training    all weights"
          + (quantized
              ? "; those of the model are quantized, and trained as what they stand for"
              : "");
    }

    @Override
    public List<String> write(TrainedTensors tensors, Path folder, @Nullable Path gguf)
        throws IOException {
      TrainedWeights weights = (TrainedWeights) tensors;
      ModelFolder.write(folder, weights, tokenizer, chatTemplate);
      if (gguf == null) {
        return List.of();
      }
      try (WeightSource readable = weights.onHost()) {
        return GgufExport.write(gguf, readable, tokenizer, chatTemplate, DType.F16);
      }
    }
  }
}
