package jllm.format.lora;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.StoredTensor;
import jllm.format.WeightSource;
import jllm.tokenize.VocabularySpec;
import org.jspecify.annotations.Nullable;

/**
 * A model with adapters folded in: all but its weights is as it was. Closing it leaves the model
 * and the adapters open.
 */
public final class MergedModel implements ModelFile {
  private final ModelFile model;
  private final MergedWeights weights;

  /**
   * @param adapters opened for this model, which stay the caller's
   * @param asStored see {@link MergedWeights}
   */
  public MergedModel(ModelFile model, List<ScaledAdapter> adapters, boolean asStored) {
    this.model = model;
    this.weights = new MergedWeights(model.weights(), adapters, asStored);
  }

  @Override
  public Path path() {
    return model.path();
  }

  @Override
  public String format() {
    return model.format();
  }

  @Override
  public Map<String, Object> metadata() {
    return model.metadata();
  }

  @Override
  public List<StoredTensor> tensors() {
    return model.tensors();
  }

  @Override
  public long bytes() {
    return model.bytes();
  }

  @Override
  public ModelConfig config() {
    return model.config();
  }

  @Override
  public WeightSource weights() {
    return weights;
  }

  @Override
  public @Nullable VocabularySpec vocabulary() {
    return model.vocabulary();
  }

  @Override
  public @Nullable Path tokenizerPath() {
    return model.tokenizerPath();
  }

  @Override
  public void close() {
    weights.close();
  }
}
