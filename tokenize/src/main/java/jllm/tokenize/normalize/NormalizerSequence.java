package jllm.tokenize.normalize;

import java.util.List;
import jllm.tokenize.text.Workspace;

/** One normalizer after the other. */
public record NormalizerSequence(List<Normalizer> normalizers) implements Normalizer {

  public NormalizerSequence {
    normalizers = List.copyOf(normalizers);
  }

  @Override
  public void normalize(Workspace workspace) {
    for (Normalizer normalizer : normalizers) {
      normalizer.normalize(workspace);
    }
  }
}
