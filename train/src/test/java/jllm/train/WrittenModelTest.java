package jllm.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.WeightSource;
import jllm.format.model.ModelFiles;
import jllm.generate.ModelTokenizer;
import jllm.model.Batch;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.cpu.VectorBackend;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.shard.ShardListener;
import jllm.train.data.DataOptions;
import jllm.train.data.SourceSpec;
import jllm.train.data.SpotTokenizers;
import jllm.train.data.TrainingData;
import jllm.train.model.ModelOverrides;
import jllm.train.model.ModelShape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Trained models compute the same when they are read back, and write the texts they learned. */
final class WrittenModelTest {
  private static final String TEXT = "the cat sat on the mat. the dog sat on the log.\n".repeat(60);

  @TempDir Path folder;

  enum Family {
    GPT2(ModelShape.gpt2(2, 4, 32, 32)),
    LLAMA(ModelShape.llama(2, 4, 2, 32, 64, 32, false)),
    QWEN2(with(ModelShape.Bias.QUERY_KEY_VALUE, 0)),
    MIXTRAL(with(ModelShape.Bias.NONE, 4));

    final ModelShape shape;

    Family(ModelShape shape) {
      this.shape = shape;
    }

    private static ModelShape with(ModelShape.Bias bias, int experts) {
      return ModelShape.llama(2, 4, 2, 32, 64, 32, true)
          .with(
              new ModelOverrides(
                  null, null, null, null, null, null, null, null, null, null, bias, null, experts,
                  null, null));
    }
  }

  private static float[] logits(WeightSource weights, Backend backend, int[] tokens) {
    try (Transformer model = Transformer.of(weights, backend);
        Batch batch = Batch.whole(tokens.length);
        Exec exec = new Exec(backend)) {
      batch.fill(tokens, 0, tokens.length, 1);
      return model
          .logits(exec, model.hidden(exec, batch))
          .segment()
          .toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  @ParameterizedTest
  @EnumSource(Family.class)
  void logitsAreTheSameFromAFolderAndFromGguf(Family family) throws IOException {
    Path text = Files.writeString(folder.resolve("text.txt"), TEXT);
    Tokenizer tokenizer = SpotTokenizers.bytes(false);
    ModelConfig config = family.shape.config(tokenizer.vocabulary().size());
    TrainOptions options =
        TrainOptions.of(
                new BatchOptions(4, 32, 1), new Horizon.Steps(40), ScheduleOptions.constant(1e-2))
            .withEvaluation(new EvaluationOptions(20, 0))
            .withSample(new SampleOptions(40, "the ", 20, 0));
    DataOptions dataOptions =
        new DataOptions(List.of(new SourceSpec(text, 0)), List.of(), 0.1, false, true, 1);
    StringBuilder sample = new StringBuilder();
    TinyRun.Log log =
        new TinyRun.Log() {
          @Override
          public void sampled(long step, String written) {
            sample.append(written);
          }
        };
    int[] tokens = tokenizer.encode("the cat sat on the dog.");
    Path run = folder.resolve("run");
    Path gguf = folder.resolve("model.gguf");
    try (Backend backend = new VectorBackend(1);
        TrainingData data =
            TrainingData.open(
                dataOptions, tokenizer, config.vocabularySize(), 32, ShardListener.NONE);
        TrainedWeights weights = TrainedWeights.random(config, DType.F32, 3, backend);
        Trainer trainer =
            new Trainer(backend, weights, data, tokenizer, options, run, Map.of(), log)) {
      RunSummary summary = trainer.run();
      EvaluationReport last = log.evaluations.getLast();
      assertTrue(last.loss() < 0.6 * log.evaluations.getFirst().loss(), last.toString());
      // One byte a character: bits a byte are bits a token.
      assertEquals(last.loss() / Math.log(2), last.bitsPerByte(), 1e-9);
      assertEquals(40, summary.steps());
      assertTrue(sample.toString().startsWith("the ") && sample.length() == 24, sample.toString());
      float[] expected = logits(weights, backend, tokens);
      GgufExport.write(gguf, weights, tokenizer, null, DType.F32);
      for (Path path : List.of(run.resolve("checkpoints/step-40"), gguf)) {
        try (ModelFile file = ModelFiles.open(path)) {
          assertArrayEquals(expected, logits(file.weights(), backend, tokens), 1e-4f, "" + path);
          assertArrayEquals(
              tokens, ModelTokenizer.of(file, null).encode("the cat sat on the dog."), "" + path);
        }
      }
    }
  }

  @Test
  void rowsThatBlocksDoNotDivideAreNamed() {
    ModelConfig config = ModelShape.llama(1, 2, 2, 48, 64, 16, true).config(50);
    SettingsException error =
        assertThrows(SettingsException.class, () -> GgufExport.check(config, null, DType.Q8_0));
    assertTrue(String.valueOf(error.getMessage()).contains("rows of 48"));
    GgufExport.check(config, null, DType.F16);
  }
}
